import { describe, expect, it } from 'vitest';
import type { Table } from '../protocol';
import { changedColumns, type Family, familyOf, markIn, NO_PAIRS, untold, withFamily } from './pairing';

const before: Table = {
  columns: [{ name: 'id', type: 'int64' }, { name: 'delay', type: 'string' }, { name: 'note', type: 'string' }],
  rows: [[1, '5', 'a'], [2, 'x', 'b'], [3, '7', 'c']],
  offset: 0,
  total: 3
};
const after: Table = {
  columns: [{ name: 'id', type: 'int64' }, { name: 'delay', type: 'int64' }, { name: 'late', type: 'boolean' }],
  rows: [[1, 5, false], [3, 70, true]],
  offset: 0,
  total: 2
};
const REJECTED: Family = { before: [1], after: [], rejected: true };
const FIRST: Family = { before: [0], after: [0], rejected: false };
const LAST: Family = { before: [2], after: [1], rejected: false };
const PAIRS = [FIRST, LAST, REJECTED].reduce((pairs, family) => withFamily(pairs, family, 'before', family.before[0] ?? 0), NO_PAIRS);

describe('familyOf', () => {
  it('takes both places of a way', () => {
    const sightings = [
      { step: 'clean', at: 'input', rows: [1], rejected: [] },
      { step: 'clean', at: 'cast', rows: [], rejected: [0] },
      { step: 'other', at: 'cast', rows: [9], rejected: [] }
    ];
    const spots = [{ step: 'clean', at: 'input' }, { step: 'clean', at: 'cast' }] as const;
    expect(familyOf({ exact: true, note: '', sightings }, ...spots)).toEqual(REJECTED);
  });
});

describe('untold', () => {
  it('asks for rows after the action first, then for those before that led nowhere', () => {
    expect(untold(NO_PAIRS, before, after, 8)).toEqual([['after', 0], ['after', 1]]);
    const known = withFamily(withFamily(NO_PAIRS, FIRST, 'after', 0), LAST, 'after', 1);
    expect(untold(known, before, after, 8)).toEqual([['before', 1]]);
    expect(untold(PAIRS, before, after, 8)).toEqual([]);
  });

  it('asks for no more than wanted, and counts from where the page begins', () => {
    expect(untold(NO_PAIRS, before, { ...after, offset: 50 }, 1)).toEqual([['after', 50]]);
  });

  it('ends where an action makes rows of several', () => {
    const mixed = withFamily(PAIRS, { before: [], after: [0], rejected: false }, 'after', 0);
    expect(mixed.mixed).toBe(true);
    expect(untold(mixed, before, after, 8)).toEqual([]);
  });
});

describe('markIn', () => {
  const mark = (side: 'before' | 'after', row: number, name: string) => {
    const [own, other] = side === 'before' ? [before, after] : [after, before];
    return markIn(side, PAIRS, own, other, row, { name, type: '' });
  };

  it('tells a changed cell by the value on the other side', () => {
    expect(mark('after', 1, 'delay')).toEqual({ kind: 'changed', title: 'Was 7' });
    expect(mark('before', 2, 'delay')).toEqual({ kind: 'changed', title: 'Becomes 70' });
    expect(mark('after', 0, 'id')).toBeNull();
  });

  it('takes the same value under another type for the same', () => {
    expect(mark('after', 0, 'delay')).toBeNull();
  });

  it('tells columns that come and go, and rows that go', () => {
    expect(mark('after', 0, 'late')?.kind).toBe('added');
    expect(mark('before', 0, 'note')).toEqual({ kind: 'removed', title: 'Column note is not there after' });
    expect(mark('before', 1, 'id')).toEqual({ kind: 'removed', title: 'This row is rejected here' });
  });

  it('says nothing of a row whose pair is not known or not loaded', () => {
    expect(markIn('after', NO_PAIRS, after, before, 1, { name: 'delay', type: '' })).toBeNull();
    expect(markIn('after', PAIRS, after, { ...before, rows: [], offset: 50 }, 1, { name: 'delay', type: '' })).toBeNull();
  });
});

it('names the columns with changed values', () => {
  expect(changedColumns(PAIRS, before, after)).toEqual(['delay']);
  expect(changedColumns(NO_PAIRS, before, after)).toEqual([]);
});

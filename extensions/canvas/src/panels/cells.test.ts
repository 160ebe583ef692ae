import { describe, expect, it } from 'vitest';
import type { Table } from '../protocol';
import { areaOf, moved, textOf, toTsv } from './cells';

const TABLE: Table = {
  columns: [
    { name: 'id', type: 'Int64' },
    { name: 'note', type: 'String' }
  ],
  rows: [
    [1, 'a\tb\nc'],
    [2, null],
    [3, { deep: [1] }]
  ],
  offset: 10,
  total: 100
};
const START = { row: 10, column: 0, anchorRow: 10, anchorColumn: 0 };
const key = (name: string, more: Partial<KeyboardEvent> = {}) => ({
  key: name,
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  ...more
});

describe('copying', () => {
  it('gives one cell as it is', () => {
    expect(toTsv(TABLE, { top: 10, bottom: 10, left: 0, right: 0 })).toBe('1');
  });

  it('gives a block with its names, and keeps it a block', () => {
    expect(toTsv(TABLE, { top: 10, bottom: 12, left: 0, right: 1 })).toBe(
      'id\tnote\n1\ta b c\n2\t\n3\t{"deep":[1]}'
    );
  });

  it('leaves out rows that are not loaded', () => {
    expect(toTsv(TABLE, { top: 12, bottom: 14, left: 0, right: 0 })).toBe('id\n3');
  });
});

describe('walking', () => {
  const size = { rows: 100, columns: 2 };

  it('stays within the table', () => {
    expect(moved(START, key('ArrowLeft'), size, 8)?.column).toBe(0);
    expect(moved(START, key('PageDown'), { rows: 15, columns: 2 }, 8)?.row).toBe(14);
    expect(moved(START, key('End', { ctrlKey: true }), size, 8)).toMatchObject({ row: 99, column: 1 });
  });

  it('selects with shift, from where it began', () => {
    const there = moved(START, key('ArrowDown', { shiftKey: true }), size, 8);
    expect(there).toEqual({ ...START, row: 11 });
    expect(areaOf(there!)).toEqual({ top: 10, bottom: 11, left: 0, right: 0 });
  });

  it('leaves other keys alone', () => {
    expect(moved(START, key('Tab'), size, 8)).toBeNull();
  });
});

it('tells null from text', () => {
  expect(textOf(null)).toBe('null');
  expect(textOf('')).toBe('');
});

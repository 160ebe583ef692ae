import { describe, expect, it } from 'vitest';
import type { TracePoint } from '../protocol';
import {
  changeInWords,
  columnChanges,
  inWords,
  lookedAt,
  outcomeOf,
  pathOf,
  placeBefore,
  placeOfPart,
  placesOf,
  rejectsToRead,
  rowsInWords,
  stepsOf,
  withInFront
} from './tracing';
import { column, point, POINTS } from './tracing.samples';

const PLACES = placesOf(POINTS);
const DOCUMENT = { workflow: 'w', steps: { read: { out: 'raw' }, clean: { in: 'raw', out: { late: 'late_flights', rest: 'others' } } } };

function at(step: string, place: string): TracePoint {
  const found = PLACES.find(each => each.step === step && each.at === place);
  if (found === undefined) {
    throw new Error(`no ${step} ${place}`);
  }
  return found;
}

describe('placesOf', () => {
  it('brings the bad rows of an input to its good ones', () => {
    expect(PLACES).toHaveLength(POINTS.length - 1);
    expect(at('read', 'input')).toMatchObject({ rows: 3, rejects: 1, seconds: 0.02 });
  });

  it('keeps the order of the graph, step by step', () => {
    expect(stepsOf(PLACES).map(step => [step.step, step.places.length])).toEqual([['read', 1], ['clean', 5]]);
  });
});

describe('lookedAt', () => {
  it('is where one asked to look', () => {
    expect(lookedAt(PLACES, { step: 'clean', at: 'cast', rejects: false })?.at).toBe('cast');
  });

  it('stays at the step when the place is gone', () => {
    expect(lookedAt(PLACES, { step: 'clean', at: 'renamed', rejects: false })?.at).toBe('derive');
  });

  it('begins where it went wrong, else at the first place', () => {
    expect(lookedAt(PLACES, null)?.step).toBe('read');
    expect(lookedAt([...PLACES, point('write', 'input', { error: 'no' })], null)?.step).toBe('write');
    expect(lookedAt([], null)).toBeNull();
  });
});

describe('placeOfPart', () => {
  it('shows what came out of a step, all ports together', () => {
    expect(placeOfPart(PLACES, { kind: 'step', name: 'clean' }, DOCUMENT)?.at).toBe('derive');
  });

  it('shows what went over a channel: the share of its port, or all of its only filler', () => {
    expect(placeOfPart(PLACES, { kind: 'channel', name: 'others' }, DOCUMENT)?.at).toBe('→ rest');
    expect(placeOfPart(PLACES, { kind: 'channel', name: 'raw' }, DOCUMENT)?.step).toBe('read');
    expect(placeOfPart(PLACES, { kind: 'workflow' }, DOCUMENT)).toBeNull();
  });
});

describe('placeBefore', () => {
  it('is the action before, or the input', () => {
    expect(placeBefore(PLACES, at('clean', 'derive'))?.at).toBe('cast');
    expect(placeBefore(PLACES, at('clean', 'cast'))?.at).toBe('input');
    expect(placeBefore(PLACES, at('clean', 'input'))).toBeNull();
  });

  it('is where rows were seen last before an action that failed', () => {
    const failed = point('clean', 'assert', { error: 'no', rows: 0, columns: [] });
    expect(placeBefore([...PLACES.slice(0, 3), failed], failed)?.at).toBe('cast');
  });

  it('is the same for all ports: what was dispatched', () => {
    expect(placeBefore(PLACES, at('clean', '→ rest'))?.at).toBe('derive');
  });
});

describe('rows to read', () => {
  it('puts what changed behind the column that one knows rows by', () => {
    const table = { columns: ['id', 'a', 'b', 'c'].map(name => ({ name, type: 'int64' })), rows: [[1, 2, 3, 4]], offset: 0, total: 1 };
    const shown = withInFront(table, new Set(['c', 'b']));
    expect(shown.columns.map(each => each.name)).toEqual(['id', 'b', 'c', 'a']);
    expect(shown.rows).toEqual([[1, 3, 4, 2]]);
  });

  it('tells why a row was rejected before all else', () => {
    const names = ['_row', 'step', 'action', 'code', 'reason', 'position'];
    const table = { columns: names.map(name => ({ name, type: 'string' })), rows: [names], offset: 0, total: 1 };
    expect(rejectsToRead(table).rows).toEqual([['reason', '_row', 'code', 'position']]);
  });
});

describe('pathOf', () => {
  it('leads to the action, the step or its dispatch', () => {
    expect(pathOf(at('clean', 'derive'))).toEqual(['steps', 'clean', 'actions', 1]);
    expect(pathOf(at('clean', 'input'))).toEqual(['steps', 'clean']);
    expect(pathOf(at('clean', '→ rest'))).toEqual(['steps', 'clean', 'dispatch']);
  });
});

describe('words', () => {
  it('tell a place', () => {
    expect(inWords(at('clean', 'cast'))).toBe('cast: 2 rows, 1 reject');
    expect(inWords(point('a', 'derive', { rows: 0, error: 'no' }))).toBe('derive: 0 rows, failed');
  });

  it('tell the whole', () => {
    expect(outcomeOf(PLACES, 20)).toBe('2 rejects · 70 ms · 20 rows of each input at most');
  });

  it('tell what an action did to columns and rows', () => {
    expect(changeInWords(at('clean', 'input'), at('clean', 'cast'))).toBe(
      '3 → 2 rows · 1 rejected · other type: delay (was string)'
    );
    expect(changeInWords(at('clean', 'cast'), at('clean', 'derive'))).toBe(
      '2 rows before and after · new: late · gone: delay'
    );
    expect(columnChanges([column('a')], [column('a')])).toEqual({ added: [], removed: [], retyped: new Map() });
  });

  it('tell where a row is, counted from one', () => {
    expect(rowsInWords({ step: 'a', at: 'b', rows: [0], rejected: [] })).toBe('row 1');
    expect(rowsInWords({ step: 'a', at: 'b', rows: [0, 1, 2, 3, 4, 5], rejected: [] })).toBe('rows 1, 2, 3, 4 and 2 more');
    expect(rowsInWords({ step: 'a', at: 'b', rows: [], rejected: [2] })).toBe('rejected (reject 3)');
  });
});

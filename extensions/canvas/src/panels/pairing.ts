/** Which row before an action became which rows after it, as `trace.follow` tells it row by row. */
import type { Column, Followed, Table } from '../protocol';
import { textOf } from './cells';
import type { CellMark } from './RowsTable';
import { samePlace } from './tracing';

/** Rows that are one row: before the action, and after it. */
export interface Family {
  before: readonly number[];
  after: readonly number[];
  rejected: boolean;
}

export interface Pairs {
  before: ReadonlyMap<number, Family>;
  after: ReadonlyMap<number, Family>;
  /** The action makes rows of several: there are no pairs. */
  mixed: boolean;
}

export const NO_PAIRS: Pairs = { before: new Map(), after: new Map(), mixed: false };

export type Side = 'before' | 'after';

interface Spot {
  step: string;
  at: string;
}

/** What was told of one row of a side. */
export function familyOf(followed: Followed, before: Spot, after: Spot): Family {
  const at = (spot: Spot) => followed.sightings.find(each => samePlace(each, spot));
  return {
    before: at(before)?.rows ?? [],
    after: at(after)?.rows ?? [],
    rejected: (at(after)?.rejected.length ?? 0) > 0
  };
}

/** The pairs with what was told of a row of a side. A row after the action that came of none before it
 * tells that the action mixes rows. */
export function withFamily(pairs: Pairs, family: Family, side: Side, row: number): Pairs {
  if (side === 'after' && family.before.length === 0) {
    return { ...NO_PAIRS, mixed: true };
  }
  const before = new Map(pairs.before);
  const after = new Map(pairs.after);
  const rows = { before: new Set(family.before), after: new Set(family.after) };
  rows[side].add(row);
  rows.before.forEach(each => before.set(each, family));
  rows.after.forEach(each => after.set(each, family));
  return { before, after, mixed: pairs.mixed };
}

/** The next rows that nothing is known of: those after the action first, for they tell whether it mixes. */
export function untold(pairs: Pairs, before: Table, after: Table, most: number): [Side, number][] {
  if (pairs.mixed) {
    return [];
  }
  const open = (side: Side, table: Table): [Side, number][] =>
    table.rows.flatMap((_, at): [Side, number][] =>
      pairs[side].has(table.offset + at) ? [] : [[side, table.offset + at]]
    );
  return (open('after', after).length > 0 ? open('after', after) : open('before', before)).slice(0, most);
}

/** What is to be told of a cell on a side of the action. */
export function markIn(
  side: Side,
  pairs: Pairs,
  own: Table,
  other: Table,
  row: number,
  column: Column
): CellMark | null {
  const family = pairs[side].get(row);
  if (side === 'before' && family !== undefined && family.after.length === 0) {
    return { kind: 'removed', title: family.rejected ? 'This row is rejected here' : 'This row is not there after' };
  }
  const at = other.columns.findIndex(each => each.name === column.name);
  if (at < 0) {
    return side === 'after'
      ? { kind: 'added', title: `New column: ${column.name}` }
      : { kind: 'removed', title: `Column ${column.name} is not there after` };
  }
  const there = family?.[side === 'before' ? 'after' : 'before'][0];
  const values = there === undefined ? undefined : other.rows[there - other.offset];
  const here = own.rows[row - own.offset];
  if (values === undefined || here === undefined) {
    return null;
  }
  const value = here[own.columns.findIndex(each => each.name === column.name)];
  const told = textOf(values[at]);
  if (told === textOf(value)) {
    return null;
  }
  return { kind: 'changed', title: side === 'after' ? `Was ${told}` : `Becomes ${told}` };
}

/** The columns whose values differ in a pair of loaded rows. */
export function changedColumns(pairs: Pairs, before: Table, after: Table): string[] {
  return after.columns
    .filter(column =>
      [...pairs.after.keys()].some(row => markIn('after', pairs, after, before, row, column)?.kind === 'changed')
    )
    .map(column => column.name);
}

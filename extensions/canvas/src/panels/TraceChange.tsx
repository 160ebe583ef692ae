/** Rows before an action and after it, side by side, with what it changed. */
import { type JSX, useEffect, useMemo, useState } from 'react';
import { useEditor } from '../editor/model';
import type { Table, TracePoint } from '../protocol';
import type { Service } from '../service';
import { Empty, TroubleNote } from '../views/parts';
import { type TracedRows, useTracedRows } from './paging';
import { changedColumns, familyOf, markIn, NO_PAIRS, type Pairs, type Side, untold, withFamily } from './pairing';
import { RowsTable } from './RowsTable';
import { changeInWords, columnChanges, titleOf, withInFront } from './tracing';

/** Rows asked for at once. */
const AT_ONCE = 8;

export interface TraceChangeProps {
  trace: string;
  before: TracePoint;
  after: TracePoint;
}

export function TraceChange({ trace, before, after }: TraceChangeProps): JSX.Element {
  const { service } = useEditor();
  const left = useSide(service, trace, before, before, after);
  const right = useSide(service, trace, after, before, after);
  const pairs = usePairs(service, { trace, before, after }, left.table, right.table);
  const changed = useMemo(
    () => (left.table && right.table ? changedColumns(pairs, left.table, right.table) : []),
    [pairs, left.table, right.table]
  );
  const [looked, setLooked] = useState<{ side: Side; row: number } | null>(null);
  const trouble = left.trouble ?? right.trouble;
  if (left.table === null || right.table === null) {
    return trouble === null ? <Empty>Reading…</Empty> : <TroubleNote trouble={trouble} />;
  }
  const family = looked === null ? undefined : pairs[looked.side].get(looked.row);
  const tables = { before: left.table, after: right.table };
  const sides = [
    { side: 'before', other: 'after', place: before, need: left.need, name: 'Before' },
    { side: 'after', other: 'before', place: after, need: right.need, name: 'After' }
  ] as const;
  return (
    <>
      <p className="lyftnb-Change-words">
        {changeInWords(before, after, changed)}
        {pairs.mixed && '. Rows are made of several here: there are no pairs'}
      </p>
      <TroubleNote trouble={trouble} />
      <div className="lyftnb-Change">
        {sides.map(({ side, other, place, need, name }) => (
          <figure key={side}>
            <figcaption>
              {name}: {titleOf(place)}
            </figcaption>
            <RowsTable
              table={tables[side]}
              label={`${name}: rows of ${titleOf(place)}`}
              onNeed={need}
              marked={new Set(family?.[side])}
              at={looked?.side === other ? family?.[side][0] : undefined}
              onCurrent={row => setLooked({ side, row })}
              markOf={(row, column) => markIn(side, pairs, tables[side], tables[other], row, column)}
            />
          </figure>
        ))}
      </div>
    </>
  );
}

/** The rows of one side, with the columns in front that come, go or get another type. */
function useSide(service: Service, trace: string, own: TracePoint, before: TracePoint, after: TracePoint): TracedRows {
  const rows = useTracedRows(service, { trace, step: own.step, at: own.at });
  const table = useMemo(() => {
    const { added, removed, retyped } = columnChanges(before.columns, after.columns);
    return rows.table && withInFront(rows.table, new Set([...added, ...removed, ...retyped.keys()]));
  }, [rows.table, before.columns, after.columns]);
  return { ...rows, table };
}

/** Which rows are one row, for all that is there of both tables. What fails stays without a pair. */
function usePairs(
  service: Service,
  { trace, before, after }: TraceChangeProps,
  left: Table | null,
  right: Table | null
): Pairs {
  const [held, setHeld] = useState<{ trace: string; pairs: Pairs }>({ trace, pairs: NO_PAIRS });
  const pairs = held.trace === trace ? held.pairs : NO_PAIRS;
  useEffect(() => {
    if (left === null || right === null) {
      return undefined;
    }
    const control = new AbortController();
    const { signal } = control;
    const ask = async ([side, row]: [Side, number]): Promise<(pairs: Pairs) => Pairs> => {
      const { step, at } = side === 'before' ? before : after;
      const followed = await service.ask('trace.follow', { trace, step, at, row }, { signal });
      return known => withFamily(known, familyOf(followed, before, after), side, row);
    };
    const learn = async (): Promise<void> => {
      let known = pairs;
      let next = untold(known, left, right, AT_ONCE);
      while (next.length > 0 && !signal.aborted) {
        for (const told of await Promise.all(next.map(ask))) {
          known = told(known);
        }
        next = untold(known, left, right, AT_ONCE);
        if (!signal.aborted) {
          setHeld({ trace, pairs: known });
        }
      }
    };
    learn().catch(() => undefined); // a trace that is gone: the next one is under way
    return () => control.abort();
    // What is known already is only where learning begins.
  }, [service, trace, before, after, left, right]);
  return pairs;
}

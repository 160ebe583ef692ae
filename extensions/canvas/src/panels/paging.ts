/** Rows of a place of a trace, page after page into one table. */
import { useCallback, useEffect, useRef, useState } from 'react';
import type { Table, TraceRows, Trouble } from '../protocol';
import type { Service } from '../service';
import { troubleOf } from '../views/asking';

const PAGE = 50;
const WHOLE_PAGE = 1_000;

/** A table with one more page of it. Where they do not touch, the page stands alone. */
export function joined(table: Table | null, page: Table): Table {
  if (table === null) {
    return page;
  }
  const end = table.offset + table.rows.length;
  const pageEnd = page.offset + page.rows.length;
  if (page.offset > end || pageEnd < table.offset) {
    return page;
  }
  const left = table.rows.slice(0, Math.max(0, page.offset - table.offset));
  const right = table.rows.slice(Math.max(0, pageEnd - table.offset));
  return { ...page, offset: Math.min(table.offset, page.offset), rows: [...left, ...page.rows, ...right] };
}

/** Which rows are wanted: `TraceRows` without the page. */
export type RowsAt = Omit<TraceRows, 'offset' | 'limit'>;

export interface TracedRows {
  table: Table | null;
  trouble: Trouble | null;
  need: (offset: number) => void;
}

/** The rows at a place, begun with the page around `from`; null: there is nothing to show.
 *
 * When the draft is traced again, the rows before stay until the new ones are there. */
export function useTracedRows(service: Service, place: RowsAt | null, from = 0): TracedRows {
  const [held, setHeld] = useState<{ where: string; table: Table } | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const needed = useRef<(offset: number) => void>(() => undefined);
  const need = useCallback((offset: number) => needed.current(offset), []);
  const where = place === null ? '' : JSON.stringify([place.step, place.at, place.rejects]);
  const trace = place?.trace;

  useEffect(() => {
    setTrouble(null);
    if (place === null) {
      return undefined;
    }
    const control = new AbortController();
    const { signal } = control;
    let first = true;
    needed.current = wanted => {
      const offset = Math.floor(wanted / PAGE) * PAGE;
      service.ask('trace.rows', { ...place, offset, limit: PAGE }, { signal }).then(
        page => {
          if (!signal.aborted) {
            const begins = first;
            first = false;
            setHeld(before => ({ where, table: begins ? page : joined(before?.table ?? null, page) }));
          }
        },
        reason => !signal.aborted && setTrouble(troubleOf(reason))
      );
    };
    needed.current(from);
    return () => {
      control.abort();
      needed.current = () => undefined;
    };
    // `where` and `trace` stand for place; `from` matters only at the beginning.
  }, [service, where, trace]);
  return { table: held?.where === where ? held.table : null, trouble, need };
}

/** All rows of a place, for the clipboard. */
export async function allRows(service: Service, place: RowsAt): Promise<Table> {
  let table = await service.ask('trace.rows', { ...place, offset: 0, limit: WHOLE_PAGE });
  while (table.rows.length < (table.total ?? 0)) {
    const page = await service.ask('trace.rows', { ...place, offset: table.rows.length, limit: WHOLE_PAGE });
    if (page.rows.length === 0) {
      break;
    }
    table = joined(table, page);
  }
  return table;
}

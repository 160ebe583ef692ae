/** How `join` and `lookup` begin: with a table that the step reads beside its rows, if there is one. */
import type { Document } from '../editor/model';
import { namesInputs, readingsOf, stepsOf } from '../graph/document';
import { TABLE_OF } from '../graph/tables';
import type { Column, Kind, Schemas } from '../protocol';

type Columns = readonly Column[] | null;
/** The inputs of a step by name, beside the one whose rows reach its actions. */
export type Tables = Readonly<Record<string, Columns>>;

/** The tables of a step: its named inputs, without the first stream, whose rows reach its actions. */
export function tablesOf(document: Document, schemas: Schemas | null, step: string): Tables {
  const body = stepsOf(document)[step] ?? {};
  const readings = namesInputs(body) ? readingsOf(body) : [];
  const rows = readings.find(({ table }) => !table);
  return Object.fromEntries(
    readings.filter(one => one !== rows).map(({ name, channel }) => [name, schemas?.channels[channel] ?? null])
  );
}

/** The kind as it begins where these tables are; null: it needs none. */
export function joined(kind: Kind, columns: Columns, tables: Tables): Kind | null {
  if (kind.family !== 'action' || !(kind.name in TABLE_OF)) {
    return null;
  }
  const [name] = Object.keys(tables);
  const table = name === undefined ? null : (tables[name] ?? null);
  const on = keyOf(columns, table);
  if (kind.name === 'join') {
    return { ...kind, example: { right: name ?? '', on, how: 'left' } };
  }
  const added = table?.find(column => column.name !== on && !(columns ?? []).some(own => own.name === column.name));
  // Without a table beside, most look things up in a file.
  const where = name === undefined ? { file: '' } : { table: name };
  return { ...kind, example: { ...where, on, add: added?.name ?? '' } };
}

/** The first column that both have, of one type; empty: none is known. */
function keyOf(columns: Columns, table: Columns): string {
  return columns?.find(own => table?.some(other => other.name === own.name && other.type === own.type))?.name ?? '';
}

/** What a new action begins with: its example, told of the columns that reach it. */
import type { Source } from '../graph/connect';
import { rejectsOf } from '../graph/document';
import type { Column, Kind, Schemas } from '../protocol';
import { joined, type Tables } from './besideTables';
import { emptied } from './emptied';
import { type Field, fieldOf, isMapping } from './fields';
import { mentions, replaced } from './mentioning';

type Columns = readonly Column[] | null;

/** Parameters whose columns tell rows apart: any type does. */
const KEYS = new Set(['by', 'on', 'key']);
/** Names that need no quotes in an expression. */
const PLAIN = /^[a-z_]\w*$/i;

/** The columns that a source gives; null: not known. */
export function columnsBehind(schemas: Schemas | null, source: Source | null): Columns {
  switch (source?.kind) {
    case 'port':
      return schemas?.channels[source.channel] ?? null;
    case 'channel':
      return schemas?.channels[source.name] ?? null;
    case 'rejects':
      return schemas?.channels[rejectsOf(source.step)] ?? null;
    case 'new port':
      return columnsAfter(schemas, source.step);
    default:
      return null;
  }
}

/** The columns after the last action of a step; null: not known. */
export function columnsAfter(schemas: Schemas | null, step: string): Columns {
  return schemas?.steps[step]?.before.at(-1) ?? null;
}

/** The kind with an example that speaks of these columns. Where it finds none, or they are not known, it
 * begins with what does for any rows, or with its places for columns empty: a name that is not there
 * would be an error that nobody has made. */
export function fitted(kind: Kind, columns: Columns, tables: Tables = {}): Kind {
  const joining = joined(kind, columns, tables);
  if (joining !== null || kind.columns === undefined || kind.columns.length === 0) {
    return joining ?? kind;
  }
  const example = kind.example as unknown;
  const field = fieldOf(kind.params, kind.params, kind.name, true);
  // What an action means by default, it means where nothing else is known.
  const meant = columns === null ? {} : unsaid(field, kind.columns);
  const given = { ...meant, ...(isMapping(example) ? example : {}) };
  const whole = Object.keys(given).length === 0 ? example : given;
  const names = namesFor(kind.columns, columns ?? [], whole);
  const begins =
    names === null
      ? (conditionOn(columns, field) ?? without(kind, field, meant))
      : harmless(kind, told(isMapping(example) ? withUnsaid(example, given, names) : example, names), columns ?? []);
  return { ...kind, example: begins as Kind['example'] };
}

/** A condition is true of any column's values that are there; null: it is no condition, or none is known. */
function conditionOn(columns: Columns, { shape }: Field): string | null {
  const column = columns?.find(({ name }) => PLAIN.test(name));
  return column !== undefined && shape.kind === 'text' && shape.content === 'expression' ? `${column.name} IS NOT NULL` : null;
}

/** As it begins where its columns are not there. */
function without(kind: Kind, field: Field, meant: Record<string, unknown>): unknown {
  const left = (kind.plain as unknown) ?? emptied(field, kind.example, (kind.columns ?? []).map(({ name }) => name));
  return isMapping(left) ? { ...Object.fromEntries(Object.keys(meant).map(key => [key, ''])), ...left } : left;
}

/** What can be wrong of no column: of `cast` the types that columns have, of `rename` names that none has. */
function harmless(kind: Kind, begins: unknown, columns: readonly Column[]): unknown {
  if (!isMapping(begins) || (kind.name !== 'cast' && kind.name !== 'rename')) {
    return begins;
  }
  const types = new Map(columns.map(({ name, type }) => [name, type]));
  const entries = Object.entries(begins).map(([column, value]) =>
    kind.name === 'cast' ? [column, types.get(column) ?? value] : [column, types.has(String(value)) ? `new_${column}` : value]
  );
  return Object.fromEntries(entries);
}

/** Columns that the parameters mean without saying so: `field` is `_raw`. */
function unsaid({ shape }: Field, known: readonly Column[]): Record<string, unknown> {
  const branches = shape.kind === 'either' ? shape.branches.map(one => one.shape) : [shape];
  const fields = branches.flatMap(one => (one.kind === 'object' ? one.fields : []));
  return Object.fromEntries(
    fields
      .filter(one => one.shape.kind === 'text' && one.shape.content === 'column' && known.some(({ name }) => name === one.default))
      .map(one => [one.name, one.default])
  );
}

/** What goes without saying is said where another column takes its place. */
function withUnsaid(
  example: Record<string, unknown>,
  given: Record<string, unknown>,
  names: ReadonlyMap<string, string>
): Record<string, unknown> {
  const changed = Object.entries(given).filter(([key, value]) => key in example || names.get(String(value)) !== value);
  return Object.fromEntries(changed);
}

/** For each column that an example speaks of, one of those that are there; null: one finds none. */
function namesFor(known: readonly Column[], columns: readonly Column[], example: unknown): ReadonlyMap<string, string> | null {
  const names = new Map<string, string>();
  const free = columns.filter(({ name }) => PLAIN.test(name));
  for (const column of known.filter(({ name }) => mentions(example, name))) {
    const left = free.filter(({ name }) => ![...names.values()].includes(name));
    const found = bestOf(left, column) ?? bestOf(free, column) ?? (isKey(example, column.name) ? (left[0] ?? free[0]) : undefined);
    if (found === undefined) {
      return null;
    }
    names.set(column.name, found.name);
  }
  return names;
}

/** The column itself, or one of its type, or of its family of types. */
function bestOf(columns: readonly Column[], wanted: Column): Column | undefined {
  const kin = columns.filter(({ type }) => familyOf(type) === familyOf(wanted.type));
  return kin.find(({ name }) => name === wanted.name) ?? kin.find(({ type }) => type === wanted.type) ?? kin[0];
}

function familyOf(type: string): string {
  if (type.endsWith('[]')) {
    return 'list';
  }
  const [word = ''] = type.split(/[ (]/);
  return /INT$|^DOUBLE$|^FLOAT$|^DECIMAL$/.test(word) ? 'number' : /^(TIMESTAMP|DATE)/.test(word) ? 'time' : word;
}

function isKey(example: unknown, column: string): boolean {
  return isMapping(example) && Object.entries(example).some(([key, value]) => KEYS.has(key) && mentions(value, column));
}

/** The example with other names. A key that is no column names something new. */
function told(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') {
    return replaced(value, names);
  }
  if (Array.isArray(value)) {
    return value.map(inner => told(inner, names));
  }
  return isMapping(value)
    ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [names.get(key) ?? key, told(inner, names)]))
    : value;
}

/** From a JSON Schema to the field that edits it.
 *
 * Our own rather than @rjsf: lyftnb's parameters are short forms beside long ones (`"a > 1"` or
 * `{by: a, ttl: 7d}`), maps that keep their order, and expressions with completion. rjsf shows such
 * an `anyOf` as "Option 1, Option 2" over a form that loses what was typed when the option changes,
 * and rebuilds a map when a key is renamed. Here each shape has a name, and one component. */

export type Schema = Record<string, unknown>;

/** What a text holds, where it is more than text. */
export type Content = 'expression' | 'column' | 'sql' | 'python' | 'name' | 'duration' | 'plain' | 'long';

/** What a map's keys name: columns that are there, columns that it makes, or something else. */
export type Keys = 'known column' | 'column' | 'name';

export type Shape =
  | { kind: 'text'; content: Content; pattern: string | null }
  | { kind: 'number'; integer: boolean; minimum: number | null; maximum: number | null }
  | { kind: 'boolean' }
  | { kind: 'choice'; options: readonly unknown[] }
  | { kind: 'list'; item: Field }
  | { kind: 'map'; value: Field; keys: Keys }
  | { kind: 'object'; fields: readonly Field[] }
  | { kind: 'either'; branches: readonly Field[] }
  | { kind: 'json' };

export interface Field {
  /** Its key in the object that holds it; empty for items and values. */
  name: string;
  /** What a person reads. */
  title: string;
  description: string;
  required: boolean;
  /** Whether null may stand here, or it may be left out. */
  optional: boolean;
  default: unknown;
  shape: Shape;
}

const SCALARS = ['string', 'integer', 'number', 'boolean'];

/** The field of a schema; `root` holds the definitions that it refers to. */
export function fieldOf(schema: Schema, root: Schema = schema, name = '', required = false): Field {
  const plain = resolved(schema, root);
  const { branches, nullable } = branchesOf(plain, root);
  const title = titleOf(plain, name);
  return {
    name,
    title,
    description: text(schema.description) || text(plain.description),
    required,
    optional: nullable || !required,
    default: schema.default ?? plain.default ?? null,
    shape: shapeOf(plain, branches, root, name)
  };
}

function shapeOf(schema: Schema, branches: readonly Schema[], root: Schema, name: string): Shape {
  const content = contentOf(schema, branches, name);
  if (content !== null) {
    return { kind: 'text', content, pattern: text(branches[0]?.pattern) || null };
  }
  if (branches.length !== 1) {
    return branches.length === 0 ? { kind: 'json' } : eitherOf(branches, root, name);
  }
  const only = branches[0] as Schema;
  if (Array.isArray(only.enum)) {
    return { kind: 'choice', options: only.enum };
  }
  if ('const' in only) {
    return { kind: 'choice', options: [only.const] };
  }
  switch (only.type) {
    case 'integer':
    case 'number':
      return {
        kind: 'number',
        integer: only.type === 'integer',
        minimum: number(only.minimum),
        maximum: number(only.maximum)
      };
    case 'boolean':
      return { kind: 'boolean' };
    case 'array':
      return { kind: 'list', item: fieldOf(asSchema(only.items), root, '', true) };
    case 'object':
      return objectOf(only, root, name);
    default:
      return { kind: 'json' };
  }
}

function objectOf(schema: Schema, root: Schema, name: string): Shape {
  const properties = schema.properties as Record<string, Schema> | undefined;
  if (properties !== undefined) {
    const required = (schema.required as string[] | undefined) ?? [];
    const fields = Object.entries(properties).map(([key, value]) => fieldOf(value, root, key, required.includes(key)));
    return { kind: 'object', fields };
  }
  const byPattern = Object.values((schema.patternProperties ?? {}) as Record<string, Schema>)[0];
  const value = byPattern ?? asSchema(schema.additionalProperties);
  return { kind: 'map', value: fieldOf(value, root, '', true), keys: keysOf(schema, byPattern !== undefined || name === 'cases') };
}

function keysOf(schema: Schema, names: boolean): Keys {
  const known = asSchema(schema.propertyNames).format === 'column';
  return known ? 'known column' : names ? 'name' : 'column';
}

/** Several shapes for one thing. An integer beside a number is no choice, nor are scalars that are
 * all written into one line of text. */
function eitherOf(branches: readonly Schema[], root: Schema, name: string): Shape {
  const types = branches.map(branch => branch.type);
  if (branches.length === 2 && types.includes('integer') && types.includes('number')) {
    return { kind: 'number', integer: false, minimum: null, maximum: null };
  }
  const scalars = branches.filter(isScalar);
  const rest = branches.filter(branch => !isScalar(branch));
  const merged: Schema[] = scalars.length > 1 ? [{ anyOf: scalars }, ...rest] : [...scalars, ...rest];
  return { kind: 'either', branches: merged.map(branch => fieldOf(branch, root, name, true)) };
}

/** What kind of text it is; null: it is none. A `format` tells; else the set of types does. */
function contentOf(schema: Schema, branches: readonly Schema[], name: string): Content | null {
  const types = new Set(branches.map(branch => branch.type));
  if (branches.length === 0 || !branches.every(isScalar) || !types.has('string')) {
    return null;
  }
  const format = [schema, ...branches].map(one => one.format).find(one => typeof one === 'string');
  if (format === 'expression' || format === 'column' || format === 'sql' || format === 'python') {
    return format;
  }
  if (types.has('boolean') && types.has('integer')) {
    return 'expression';
  }
  if (types.has('integer') || types.has('number')) {
    return 'duration';
  }
  if (typeof branches[0]?.pattern === 'string') {
    return 'name';
  }
  return name === 'description' ? 'long' : 'plain';
}

function isScalar(schema: Schema): boolean {
  return SCALARS.includes(schema.type as string) && !('enum' in schema) && !('const' in schema);
}

/** The alternatives of a schema, flat and without null. */
function branchesOf(schema: Schema, root: Schema): { branches: Schema[]; nullable: boolean } {
  const options = (schema.anyOf ?? schema.oneOf) as Schema[] | undefined;
  const all =
    options === undefined
      ? [schema]
      : options.map(option => resolved(option, root)).flatMap(option => ('anyOf' in option ? (option.anyOf as Schema[]) : [option]));
  const flat = all.map(option => resolved(option, root));
  const branches = flat.filter(option => option.type !== 'null');
  return { branches, nullable: branches.length < flat.length };
}

function resolved(schema: Schema, root: Schema): Schema {
  if (typeof schema.$ref !== 'string') {
    return schema;
  }
  const found = schema.$ref
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>((at, key) => (at as Schema | undefined)?.[key], root);
  return resolved({ ...asSchema(found), ...withoutRef(schema) }, root);
}

function withoutRef({ $ref: _, ...rest }: Schema): Schema {
  return rest;
}

/** Which alternative a value is written in; -1: in none. */
export function branchOf(branches: readonly Field[], value: unknown): number {
  return branches.findIndex(branch => fits(branch.shape, value));
}

/** Whether a value is of a shape, as far as a form needs to know to show it. */
export function fits(shape: Shape, value: unknown): boolean {
  switch (shape.kind) {
    case 'text':
      return ['string', 'number', 'boolean'].includes(typeof value) && (typeof value === 'string' || shape.content !== 'plain');
    case 'number':
      return typeof value === 'number' || (typeof value === 'string' && value.includes('{{'));
    case 'boolean':
      return typeof value === 'boolean';
    case 'choice':
      return shape.options.includes(value);
    case 'list':
      return Array.isArray(value);
    case 'map':
      return isMapping(value);
    case 'object':
      return isMapping(value) && Object.keys(value).every(key => shape.fields.some(field => field.name === key));
    case 'either':
      return branchOf(shape.branches, value) >= 0;
    case 'json':
      return true;
  }
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a field begins with when a person adds it. */
export function blank(field: Field): unknown {
  if (field.default !== null) {
    return structuredClone(field.default);
  }
  const { shape } = field;
  switch (shape.kind) {
    case 'text':
      return '';
    case 'number':
      return shape.minimum ?? 0;
    case 'boolean':
      return false;
    case 'choice':
      return shape.options[0] ?? null;
    case 'list':
      return [];
    case 'map':
      return {};
    case 'object':
      return Object.fromEntries(shape.fields.filter(one => one.required).map(one => [one.name, blank(one)]));
    case 'either':
      return shape.branches[0] === undefined ? null : blank(shape.branches[0]);
    case 'json':
      return null;
  }
}

/** In a word or two, for a switch between alternatives. */
export function shapeInWords(shape: Shape): string {
  switch (shape.kind) {
    case 'text':
      return { expression: 'expression', column: 'column', sql: 'SQL', python: 'Python' }[shape.content as string] ?? 'text';
    case 'number':
      return 'number';
    case 'boolean':
      return 'yes or no';
    case 'choice':
      return shape.options.length === 1 ? String(shape.options[0]) : 'choice';
    case 'list':
      return 'list';
    case 'map':
      return 'names';
    case 'object':
      return 'settings';
    case 'either':
      return 'alternatives';
    case 'json':
      return 'JSON';
  }
}

function titleOf(schema: Schema, name: string): string {
  const words = name.replace(/_/g, ' ').trim();
  return words === '' ? text(schema.title) : words[0]!.toUpperCase() + words.slice(1);
}

function asSchema(value: unknown): Schema {
  return isMapping(value) ? value : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

/** Changes of a document as values: carrying them out, and taking them back.
 *
 * Documents are never changed in place: a change gives a new one that shares what stays the same. The
 * rules are those of `lyftnb/workspace/studio/ops.py`; both sides must come to the same document. */
import type { Document } from '../editor/model';
import type { Op } from '../protocol';
import { isMapping, type Mapping, type Path } from './document';

/** A change that does not fit the document. */
export class UnfitOp extends Error {
  constructor(op: Op, why: string) {
    super(`${op.op} at ${op.path.join('.') || 'the document'}: ${why}`);
    this.name = 'UnfitOp';
  }
}

export interface Applied {
  document: Document;
  /** What leads back, in order. */
  inverse: Op[];
}

export const put = (path: Path, value: unknown): Op => valued('put', path, value);
export const insert = (path: Path, value: unknown): Op => valued('insert', path, value);
export const remove = (path: Path): Op => ({ op: 'remove', path });
export const rename = (path: Path, name: string): Op => valued('rename', path, name);
export const order = (path: Path, keys: readonly string[]): Op => valued('order', path, keys);

/** The generated type knows no value but mappings; on the wire any JSON goes. */
function valued(op: Op['op'], path: Path, value: unknown): Op {
  return { op, path, value: value as Op['value'] };
}

/** The document after all of the changes; throws `UnfitOp`, and then nothing is changed. */
export function applyOps(document: Document, ops: readonly Op[]): Applied {
  let now = document;
  const inverse: Op[] = [];
  for (const op of ops) {
    inverse.unshift(...inverted(now, op));
    const next = changed(now, op.path, op);
    if (!isMapping(next)) {
      throw new UnfitOp(op, 'a document is a mapping');
    }
    now = next;
  }
  return { document: now, inverse };
}

/** What a path leads to; undefined, if to nothing. */
export function valueAt(document: unknown, path: Path): unknown {
  return path.reduce<unknown>((holder, part) => at(holder, part), document);
}

function at(holder: unknown, part: string | number): unknown {
  if (Array.isArray(holder) && typeof part === 'number') {
    return holder[part] as unknown;
  }
  return isMapping(holder) && typeof part === 'string' && Object.hasOwn(holder, part)
    ? holder[part]
    : undefined;
}

function changed(holder: unknown, path: Path, op: Op): unknown {
  const [part, ...rest] = path;
  if (part === undefined) {
    if (op.op === 'order') {
      return ordered(holder, op);
    }
    if (op.op !== 'put') {
      throw new UnfitOp(op, 'it needs a place within the document');
    }
    return op.value;
  }
  if (rest.length > 0 || op.op === 'order') {
    return withValue(holder, part, changed(inner(holder, part, rest, op), rest, op), op);
  }
  switch (op.op) {
    case 'put':
      return withValue(holder, part, op.value, op);
    case 'insert':
      return inserted(holder, part, op);
    case 'remove':
      return removed(holder, part, op);
    case 'rename':
      return renamed(holder, part, op);
  }
}

/** What lies at `part`; the mappings and lists on the way to what is put are made. */
function inner(holder: unknown, part: string | number, rest: Path, op: Op): unknown {
  const found = at(holder, part);
  if (found !== undefined && found !== null) {
    return found;
  }
  if (!makesWay(op) || rest.length === 0) {
    throw new UnfitOp(op, `there is no ${part}`);
  }
  return typeof rest[0] === 'number' ? [] : {};
}

function makesWay(op: Op): boolean {
  return op.op === 'put' || op.op === 'insert';
}

function withValue(holder: unknown, part: string | number, value: unknown, op: Op): unknown {
  if (isMapping(holder) && typeof part === 'string') {
    return { ...holder, [part]: value };
  }
  if (Array.isArray(holder) && typeof part === 'number' && part >= 0 && part < holder.length) {
    return holder.map((item: unknown, index) => (index === part ? value : item));
  }
  throw new UnfitOp(op, `there is no ${part}`);
}

function inserted(holder: unknown, part: string | number, op: Op): unknown {
  if (Array.isArray(holder) && typeof part === 'number' && part >= 0 && part <= holder.length) {
    return [...(holder as unknown[]).slice(0, part), op.value, ...(holder as unknown[]).slice(part)];
  }
  throw new UnfitOp(op, 'only a list takes an item, at an index that it has or its end');
}

function removed(holder: unknown, part: string | number, op: Op): unknown {
  if (at(holder, part) === undefined) {
    throw new UnfitOp(op, `there is no ${part}`);
  }
  return Array.isArray(holder)
    ? holder.filter((_, index) => index !== part)
    : Object.fromEntries(Object.entries(holder as Mapping).filter(([key]) => key !== part));
}

function renamed(holder: unknown, part: string | number, op: Op): unknown {
  const name: unknown = op.value;
  if (!isMapping(holder) || at(holder, part) === undefined || typeof name !== 'string') {
    throw new UnfitOp(op, 'only a key that is there can be renamed, to a text');
  }
  if (name !== part && Object.hasOwn(holder, name)) {
    throw new UnfitOp(op, `there is a ${name} already`);
  }
  return Object.fromEntries(
    Object.entries(holder).map(([key, value]) => [key === part ? name : key, value])
  );
}

function ordered(holder: unknown, op: Op): unknown {
  const keys: unknown = op.value;
  if (!isMapping(holder) || !Array.isArray(keys)) {
    throw new UnfitOp(op, 'only the keys of a mapping are ordered, by a list');
  }
  const names = keys.map(String);
  if (new Set(names).size !== Object.keys(holder).length || !names.every(key => key in holder)) {
    throw new UnfitOp(op, 'the list must name each key once');
  }
  return Object.fromEntries(names.map(key => [key, holder[key]]));
}

function inverted(document: Document, op: Op): Op[] {
  if (makesWay(op)) {
    const made = firstMade(document, op.path);
    if (made !== null) {
      // An empty place goes back to what it held, which is nothing or null.
      return valueAt(document, made) === null ? [put(made, null)] : [remove(made)];
    }
  }
  const before = valueAt(document, op.path);
  const above = op.path.slice(0, -1);
  switch (op.op) {
    case 'put':
      return before === undefined ? [remove(op.path)] : [put(op.path, before)];
    case 'insert':
      return [remove(op.path)];
    case 'remove':
      return typeof op.path.at(-1) === 'number'
        ? [insert(op.path, before)]
        : [put(op.path, before), ...inOrder(document, above)];
    case 'rename':
      return [rename([...above, String(op.value)], String(op.path.at(-1)))];
    case 'order':
      return inOrder(document, op.path);
  }
}

/** The first place on the way that holds nothing yet, short of the end. */
function firstMade(document: Document, path: Path): Path | null {
  for (let length = 1; length < path.length; length += 1) {
    const place = path.slice(0, length);
    const found = valueAt(document, place);
    if (found === undefined || found === null) {
      return place;
    }
  }
  return null;
}

function inOrder(document: Document, path: Path): Op[] {
  const holder = valueAt(document, path);
  return isMapping(holder) ? [order(path, Object.keys(holder))] : [];
}

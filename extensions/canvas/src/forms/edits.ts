/** The smallest changes of a document that a form makes. */
import type { Op, Problem } from '../protocol';
import { isMapping } from './fields';

export type Path = Problem['path'];

/** What stands at a path; undefined: nothing. */
export function at(document: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, key) => {
    if (Array.isArray(value)) {
      return typeof key === 'number' ? value[key] : undefined;
    }
    return isMapping(value) ? value[key] : undefined;
  }, document);
}

/** Put a value at a path, with the mappings on the way that are not there yet. */
export function put(document: unknown, path: Path, value: unknown): Op[] {
  for (let depth = 0; depth < path.length; depth += 1) {
    const found = at(document, path.slice(0, depth));
    if (!isMapping(found) && !Array.isArray(found)) {
      const nested = path.slice(depth).reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
      return [op('put', path.slice(0, depth), nested)];
    }
  }
  return [op('put', path, value)];
}

/** Take away what stands at a path; nothing to do where nothing is. */
export function remove(document: unknown, path: Path): Op[] {
  return at(document, path) === undefined ? [] : [op('remove', path)];
}

/** Give a key another name; refused (no ops) where the name is taken, empty or the same. */
export function rename(document: unknown, path: Path, name: string): Op[] {
  const siblings = at(document, path.slice(0, -1));
  const taken = isMapping(siblings) && name in siblings;
  return name === '' || taken ? [] : [op('rename', path, name)];
}

/** Put an item before an index of a list that may not be there yet. */
export function insert(document: unknown, list: Path, index: number, value: unknown): Op[] {
  return Array.isArray(at(document, list)) ? [op('insert', [...list, index], value)] : put(document, list, [value]);
}

/** Move an item of a list; none where it would leave the list. */
export function move(document: unknown, list: Path, from: number, to: number): Op[] {
  const items = at(document, list);
  if (!Array.isArray(items) || from === to || to < 0 || to >= items.length) {
    return [];
  }
  return [op('remove', [...list, from]), op('insert', [...list, to], items[from])];
}

/** A key that a mapping does not have yet: `column`, `column_2`, … */
export function freeKey(mapping: unknown, wish: string): string {
  const taken = isMapping(mapping) ? mapping : {};
  let name = wish;
  for (let count = 2; name in taken; count += 1) {
    name = `${wish}_${count}`;
  }
  return name;
}

/** Values are JSON of any kind; the generated type of `value` knows mappings only. */
function op(kind: Op['op'], path: Path, value?: unknown): Op {
  return value === undefined ? { op: kind, path } : { op: kind, path, value: value as Op['value'] };
}

/** What is left of an example where what it speaks of is not there: its shape, with the places for names
 * empty. */
import { blank, branchOf, type Field, isMapping } from './fields';
import { mentions } from './mentioning';

/** The example without all that speaks of these columns. What a form must have stays, empty. */
export function emptied(field: Field, example: unknown, lost: readonly string[]): unknown {
  return without(field, example, [...lost]) ?? begun(field);
}

/** Undefined: nothing is left. */
function without(field: Field, value: unknown, lost: string[]): unknown {
  const { shape } = field;
  switch (shape.kind) {
    case 'either': {
      const branch = shape.branches[branchOf(shape.branches, value)];
      return branch === undefined ? undefined : without(branch, value, lost);
    }
    case 'list': {
      const left = (Array.isArray(value) ? value : []).flatMap(item => without(shape.item, item, lost) ?? []);
      return left.length > 0 ? left : undefined;
    }
    case 'map':
      return keptOf(
        entriesOf(value).map(([key, inner]) => {
          const left = lost.includes(key) ? undefined : without(shape.value, inner, lost);
          if (left === undefined) {
            lost.push(key); // what comes after may have been made of it
          }
          return [key, left];
        })
      );
    case 'object':
      return keptOf(
        entriesOf(value).map(([key, inner]) => {
          const part = shape.fields.find(one => one.name === key);
          const left = part === undefined ? undefined : without(part, inner, lost);
          return [key, left === undefined && part?.required === true ? begun(part) : left];
        })
      );
    default:
      return mentionsAny(value, lost) ? undefined : value;
  }
}

/** A field that a person is to fill in: a map has one entry for it. */
export function begun(field: Field): unknown {
  const shape = field.shape.kind === 'either' ? (field.shape.branches[0]?.shape ?? field.shape) : field.shape;
  return shape.kind === 'map' ? { [{ name: 'name', column: 'column', 'known column': '' }[shape.keys]]: blank(shape.value) } : blank(field);
}

function entriesOf(value: unknown): [string, unknown][] {
  return isMapping(value) ? Object.entries(value) : [];
}

function keptOf(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> | undefined {
  const kept = entries.filter(([, value]) => value !== undefined);
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

function mentionsAny(value: unknown, names: readonly string[]): boolean {
  return names.some(name => mentions(value, name));
}

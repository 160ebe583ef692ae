/** The changes that lead from one document to another: for undo over a new text, and for a draft that
 * is opened anew. */
import type { Document } from '../editor/model';
import type { Op } from '../protocol';
import { isMapping, same, type Mapping, type Path } from './document';
import { order, put, remove } from './ops';

export function changesBetween(before: Document, after: Document): Op[] {
  return within([], before, after);
}

function within(path: Path, before: Mapping, after: Mapping): Op[] {
  const gone = Object.keys(before).filter(key => !Object.hasOwn(after, key));
  const ops: Op[] = gone.map(key => remove([...path, key]));
  for (const [key, value] of Object.entries(after)) {
    const place = [...path, key];
    const old = before[key];
    if (!Object.hasOwn(before, key)) {
      ops.push(put(place, value));
    } else if (isMapping(old) && isMapping(value)) {
      ops.push(...within(place, old, value));
    } else if (!same(old, value)) {
      ops.push(put(place, value));
    }
  }
  const now = [
    ...Object.keys(before).filter(key => Object.hasOwn(after, key)),
    ...Object.keys(after).filter(key => !Object.hasOwn(before, key))
  ];
  const wanted = Object.keys(after);
  return now.every((key, index) => key === wanted[index]) ? ops : [...ops, order(path, wanted)];
}

/** Actions that need a table beside their rows, and how a step comes to read one. */
import type { Op } from '../protocol';
import type { Document } from '../editor/model';
import { freshName, isMapping, list, mapping, readingsOf, stepsOf } from './document';
import { put, remove } from './ops';

/** Action → its parameter that names a table: an input of the step. */
export const TABLE_OF: Readonly<Record<string, string>> = { join: 'right', lookup: 'table' };

/** The changes that make a step read a channel as the table that an action of it waits for; null: none
 * waits, or the step reads nothing yet that could be its rows. */
export function tableOps(document: Document, step: string, channel: string): Op[] | null {
  const body = stepsOf(document)[step] ?? {};
  const readings = readingsOf(body);
  const waiting = list(body.actions).map(nameless);
  const index = waiting.findIndex(found => found !== null);
  const action = waiting[index];
  if (action === undefined || action === null || !readings.some(({ table }) => !table)) {
    return null;
  }
  const name = freshName(channel, readings.map(reading => reading.name));
  const kept = isMapping(body.in) ? body.in : Object.fromEntries(readings.map(one => [one.name, one.channel]));
  const place = ['steps', step, 'actions', index, action.kind];
  return [
    put(['steps', step, 'in'], { ...kept, [name]: { channel, as: 'table' } }),
    put([...place, action.field], name),
    ...('file' in action.params ? [remove([...place, 'file'])] : [])
  ];
}

/** An action whose table has no name yet. */
function nameless(action: unknown): { kind: string; field: string; params: Record<string, unknown> } | null {
  const found = Object.entries(TABLE_OF).find(([kind]) => isMapping(action) && kind in action);
  if (found === undefined) {
    return null;
  }
  const [kind, field] = found;
  const params = mapping(mapping(action)[kind]);
  // A lookup may have a file in its place.
  return params[field] === '' || (!(field in params) && params.file === '') ? { kind, field, params } : null;
}

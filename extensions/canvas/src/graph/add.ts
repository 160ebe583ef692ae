/** New parts: from the palette, beside or within what there is. */
import type { Document, Part } from '../editor/model';
import type { Kind, Op } from '../protocol';
import { channelNames, freshName, list, readingsOf, stepsOf, type Mapping } from './document';
import { connectOps, type Source } from './connect';
import { applyOps, insert, put } from './ops';
import type { Edge } from './graph';

/** What may be added: kinds of the workspace's palette, and what every workflow has. */
export type Entry =
  | { entry: 'kind'; kind: Kind }
  | { entry: 'step' | 'route' | 'notebook' | 'spool'; name: string; summary: string; icon: string };

export const GENERAL: readonly Exclude<Entry, { entry: 'kind' }>[] = [
  { entry: 'step', name: 'empty step', summary: 'A step without a body yet.', icon: 'step' },
  { entry: 'route', name: 'route', summary: 'A step that sends events to several ports.', icon: 'split' },
  { entry: 'notebook', name: 'notebook', summary: 'A step that runs a notebook with parameters.', icon: 'notebook' },
  { entry: 'spool', name: 'spool', summary: 'A durable channel, kept on disk and open to queries.', icon: 'spool' }
];

export interface Added {
  ops: Op[];
  part: Part;
}

export function entryName(entry: Entry): string {
  return entry.entry === 'kind' ? entry.kind.name : entry.name;
}

/** Add a new step or spool; behind a source, where the new part takes what that gives. */
export function addOps(document: Document, entry: Entry, behind: Source | null): Added {
  if (entry.entry === 'spool') {
    const name = freshName('spool', channelNames(document));
    const made = [put(['channels', name], { transport: 'spool' })];
    const joined = behind === null ? [] : connectOps(document, behind, { kind: 'channel', name });
    return { ops: [...made, ...joined], part: { kind: 'channel', name } };
  }
  const name = freshName(stemOf(entry), stepNames(document));
  const made = [put(['steps', name], bodyOf(entry, document))];
  const part: Part = { kind: 'step', name };
  const takes = behind?.kind === 'message' || entry.entry !== 'kind' || entry.kind.family !== 'input';
  if (behind === null || !takes) {
    return { ops: made, part };
  }
  const { document: now } = applyOps(document, made);
  return { ops: [...made, ...connectOps(now, behind, { kind: 'step', name })], part };
}

/** Put an action at the end of a step's body, or an input or output at its edge; null: no place. */
export function addInto(document: Document, kind: Kind, step: string): Op[] | null {
  const body = stepsOf(document)[step];
  if (body === undefined || body.notebook !== undefined || body.uses !== undefined) {
    return null;
  }
  const value = { [kind.name]: parametersOf(kind) };
  if (kind.family === 'action') {
    return [insert(['steps', step, 'actions', list(body.actions).length], value)];
  }
  const taken = body[kind.family] !== undefined || (kind.family === 'input' && readingsOf(body).length > 0);
  return taken ? null : [put(['steps', step, kind.family], value)];
}

/** Put a new step into a channel between two steps; null: the edge is of another kind. */
export function addBetween(document: Document, kind: Kind, edge: Edge): Added | null {
  const [side, head = ''] = edge.head.split(':');
  if (kind.family !== 'action' || edge.kind === 'message' || side !== 'step') {
    return null;
  }
  const reading = readingsOf(stepsOf(document)[head] ?? {}).find(({ channel }) => channel === edge.name);
  if (reading === undefined) {
    return null;
  }
  const name = freshName(kind.name, stepNames(document));
  const out = freshName(`${name}_out`, channelNames(document));
  return {
    ops: [
      put(['steps', name], { in: edge.name, actions: [{ [kind.name]: parametersOf(kind) }], out }),
      put(['steps', head, ...reading.path], out)
    ],
    part: { kind: 'step', name }
  };
}

/** Names that no new step may have: what a deployed one is called, which the draft has renamed, too. */
function stepNames(document: Document): string[] {
  return Object.entries(stepsOf(document)).flatMap(([name, { renamed_from }]) =>
    typeof renamed_from === 'string' ? [name, renamed_from] : [name]
  );
}

function stemOf(entry: Entry): string {
  if (entry.entry !== 'kind') {
    return entry.entry;
  }
  const { family, name } = entry.kind;
  return family === 'input' ? `read_${name}` : family === 'output' ? `write_${name}` : name;
}

function bodyOf(entry: Entry, document: Document): Mapping {
  if (entry.entry !== 'kind') {
    return generalBody(entry.entry, document);
  }
  const value = { [entry.kind.name]: parametersOf(entry.kind) };
  return entry.kind.family === 'action' ? { actions: [value] } : { [entry.kind.family]: value };
}

function generalBody(entry: 'step' | 'route' | 'notebook' | 'spool', document: Document): Mapping {
  if (entry === 'notebook') {
    return { notebook: { path: '' } };
  }
  if (entry !== 'route') {
    return { actions: [] };
  }
  const taken = channelNames(document);
  const first = freshName('route_a', taken);
  const rest = freshName('route_rest', taken);
  return {
    out: { a: first, rest },
    dispatch: { mode: 'conditional', when: [{ a: 'true' }], default: 'rest' }
  };
}

/** The kind's example, copied so that no two steps share it. */
function parametersOf(kind: Kind): unknown {
  return kind.example === undefined ? null : (JSON.parse(JSON.stringify(kind.example)) as unknown);
}

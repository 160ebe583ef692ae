/** Taking parts out of a document, with all that refers to them. */
import type { Document, Part } from '../editor/model';
import type { Op } from '../protocol';
import {
  awaitedTag,
  channelsOf,
  list,
  mapping,
  portsOf,
  readingsOf,
  rejectsOf,
  stepsOf,
  text,
  triggersOf,
  type Mapping
} from './document';
import { applyOps, put, remove, valueAt } from './ops';
import type { Edge } from './graph';

/** The changes that take all of the parts away; each is made on what those before leave. */
export function removeOps(document: Document, parts: readonly Part[]): Op[] {
  return inTurn(document, parts.map(part => (now: Document) => removePart(now, part)));
}

/** The changes that take edges away and leave their ends. */
export function disconnectOps(document: Document, edges: readonly Edge[]): Op[] {
  return inTurn(document, edges.map(edge => (now: Document) => disconnect(now, edge)));
}

function inTurn(document: Document, makers: ((now: Document) => Op[])[]): Op[] {
  let now = document;
  return makers.flatMap(make => {
    const ops = make(now);
    now = applyOps(now, ops).document;
    return ops;
  });
}

function removePart(document: Document, part: Part): Op[] {
  switch (part.kind) {
    case 'step':
      return part.name in stepsOf(document) ? removeStep(document, part.name) : [];
    case 'channel':
      return removeChannel(document, part.name);
    case 'message':
      return removeMessage(document, part.from, part.tag, part.to);
    case 'workflow':
      return [];
  }
}

/** A step goes with its undeclared channels, and with the readers' references to those. */
function removeStep(document: Document, name: string): Op[] {
  const declared = channelsOf(document);
  const lost = [
    ...portsOf(stepsOf(document)[name] ?? {}).map(port => port.channel).filter(channel => !(channel in declared)),
    rejectsOf(name)
  ];
  const steps = Object.entries(stepsOf(document)).filter(([step]) => step !== name);
  return [
    ...steps.flatMap(([step, body]) => unread(step, body, new Set(lost))),
    ...without(document, ['messages'], declaredEdge => {
      const { from, to } = mapping(declaredEdge);
      return to === name || text(from).split('.')[0] === name;
    }),
    ...place(document, 'steps', name),
    remove(['steps', name])
  ];
}

function removeChannel(document: Document, name: string): Op[] {
  const steps = Object.entries(stepsOf(document));
  return [
    ...steps.flatMap(([step, body]) => [...unread(step, body, new Set([name])), ...unwritten(step, body, name)]),
    ...without(document, ['messages'], declared => mapping(declared).from === name),
    ...place(document, 'channels', name),
    ...(name in channelsOf(document) ? [remove(['channels', name])] : [])
  ];
}

function removeMessage(document: Document, from: string, tag: string, to: string): Op[] {
  const declared = without(document, ['messages'], edge => {
    const given = mapping(edge);
    return given.from === from && given.tag === tag && given.to === to;
  });
  if (declared.length > 0) {
    return declared;
  }
  const left = triggersOf(stepsOf(document)[to] ?? {}).filter(trigger => awaitedTag(trigger) !== tag);
  const here = ['steps', to, 'trigger'];
  return [left.length === 0 ? remove(here) : put(here, left.length === 1 ? left[0] : left)];
}

function disconnect(document: Document, edge: Edge): Op[] {
  if (edge.part.kind === 'message') {
    return removeMessage(document, edge.part.from, edge.part.tag, edge.part.to);
  }
  const [kind, step = ''] = edge.head.split(':');
  if (kind === 'step') {
    return unread(step, stepsOf(document)[step] ?? {}, new Set([edge.name]));
  }
  const writer = edge.tail.split(':')[1] ?? '';
  return unwritten(writer, stepsOf(document)[writer] ?? {}, edge.name);
}

/** A step's `in` without some channels, in the shape that it has. */
function unread(step: string, body: Mapping, channels: ReadonlySet<string>): Op[] {
  const readings = readingsOf(body);
  const gone = readings.filter(reading => channels.has(reading.channel));
  const here = ['steps', step, 'in'];
  if (gone.length === 0) {
    return [];
  }
  if (gone.length === readings.length) {
    return [remove(here)];
  }
  if (Array.isArray(body.in)) {
    const left = readings.filter(reading => !channels.has(reading.channel)).map(({ channel }) => channel);
    return [put(here, left.length === 1 ? left[0] : left)];
  }
  return gone.map(({ name }) => remove([...here, name]));
}

/** A step's `out` without a channel; its dispatch goes with the last port but one. */
function unwritten(step: string, body: Mapping, channel: string): Op[] {
  const ports = portsOf(body);
  const gone = ports.find(port => port.channel === channel);
  if (gone === undefined) {
    return [];
  }
  const dispatch = body.dispatch === undefined ? [] : [remove(['steps', step, 'dispatch'])];
  if (ports.length === 1) {
    return [remove(['steps', step, 'out']), ...dispatch];
  }
  return [remove(['steps', step, 'out', gone.name]), ...(ports.length === 2 ? dispatch : [])];
}

/** A list without some of its items; without the list, if none is left. */
function without(document: Document, path: string[], goes: (item: unknown) => boolean): Op[] {
  const items = list(valueAt(document, path));
  const left = items.filter(item => !goes(item));
  if (left.length === items.length) {
    return [];
  }
  return [left.length === 0 ? remove(path) : put(path, left)];
}

function place(document: Document, section: 'steps' | 'channels', name: string): Op[] {
  return valueAt(document, ['ui', section, name]) === undefined ? [] : [remove(['ui', section, name])];
}

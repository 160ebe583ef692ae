/** What may be connected with what, and the changes that a connection makes. */
import type { Document, Part } from '../editor/model';
import type { Op } from '../protocol';
import {
  awaitedTag,
  channelNames,
  channelsOf,
  freshName,
  list,
  mapping,
  portsOf,
  readingsOf,
  rejectsOf,
  stepsOf,
  text,
  triggersOf,
  writersOf,
  type Mapping
} from './document';
import { insert, order, put } from './ops';
import { tableOps } from './tables';

/** Where a connection begins. A port without a channel yet gets one. */
export type Source =
  | { kind: 'port'; step: string; port: string; channel: string }
  | { kind: 'new port'; step: string }
  | { kind: 'rejects'; step: string }
  | { kind: 'channel'; name: string }
  | { kind: 'message'; step: string };

/** Where it ends. */
export type Target =
  | { kind: 'step'; name: string }
  | { kind: 'channel'; name: string }
  | { kind: 'new channel'; name: string };

/** A target, and why it cannot be taken; null: it can. */
export interface Offer {
  target: Target;
  refusal: string | null;
}

/** All that a connection from a part may begin with. */
export function sourcesOf(document: Document, part: Part): Source[] {
  if (part.kind === 'channel') {
    return [{ kind: 'channel', name: part.name }];
  }
  const step = part.kind === 'step' ? stepsOf(document)[part.name] : undefined;
  if (part.kind !== 'step' || step === undefined) {
    return [];
  }
  const { name } = part;
  const ports = portsOf(step).map(
    (port): Source => ({ kind: 'port', step: name, port: port.name, channel: port.channel })
  );
  return [...ports, { kind: 'new port', step: name }, { kind: 'rejects', step: name }, { kind: 'message', step: name }];
}

/** The source in words. */
export function sourceInWords(source: Source): string {
  switch (source.kind) {
    case 'port':
      return source.port === 'out' ? source.channel : `${source.port}: ${source.channel}`;
    case 'new port':
      return `a new port of ${source.step}`;
    case 'rejects':
      return `rejected rows (${rejectsOf(source.step)})`;
    case 'channel':
      return source.name;
    case 'message':
      return 'a message when it is done';
  }
}

export function targetsFor(document: Document, source: Source): Offer[] {
  const steps = Object.keys(stepsOf(document)).map((name): Target => ({ kind: 'step', name }));
  const writes = source.kind === 'port' || source.kind === 'new port';
  const spools = Object.entries(channelsOf(document))
    .filter(([name, spec]) => writes && text(spec.transport) === 'spool' && name !== channelOf(source))
    .map(([name]): Target => ({ kind: 'channel', name }));
  const fresh: Target[] = writes ? [{ kind: 'new channel', name: newChannel(document, source) }] : [];
  return [...steps, ...spools, ...fresh].map(target => ({ target, refusal: refusalOf(document, source, target) }));
}

/** Why a connection cannot be made; null: it can. */
export function refusalOf(document: Document, source: Source, target: Target): string | null {
  if (target.kind === 'new channel') {
    return null;
  }
  if (target.kind === 'channel') {
    const writer = writersOf(document).get(target.name);
    return writer === undefined ? null : `${writer.step} writes it already: a channel has one producer`;
  }
  const from = source.kind === 'channel' ? undefined : source.step;
  if (source.kind === 'message') {
    return from === target.name ? 'a step cannot wake itself' : null;
  }
  if (from === target.name) {
    return 'a step cannot read its own output';
  }
  const body = stepsOf(document)[target.name] ?? {};
  if (body.input !== undefined) {
    return 'it has an input from outside';
  }
  const channel = channelOf(source);
  if (channel !== null && readingsOf(body).some(reading => reading.channel === channel)) {
    return 'it reads that already';
  }
  const keeps = channel !== null && isDurable(document, channel);
  return !keeps && from !== undefined && reaches(document, target.name, from)
    ? 'it would close a circle in memory: put a spool between'
    : null;
}

/** The changes that make the connection. */
export function connectOps(document: Document, source: Source, target: Target): Op[] {
  if (source.kind === 'message') {
    return target.kind === 'step' ? messageOps(document, source.step, target.name) : [];
  }
  if (target.kind !== 'step') {
    const declared = target.kind === 'new channel' ? [put(['channels', target.name], { transport: 'spool' })] : [];
    return [...declared, ...writeOps(document, source, target.name)];
  }
  const channel = channelOf(source);
  if (channel !== null) {
    return tableOps(document, target.name, channel) ?? readOps(document, target.name, channel);
  }
  const made = newChannel(document, source);
  const reads = tableOps(document, target.name, made) ?? readOps(document, target.name, made);
  return [...writeOps(document, source, made), ...reads];
}

/** The changes that make a step read a channel, too. */
function readOps(document: Document, step: string, channel: string): Op[] {
  const given = stepsOf(document)[step]?.in;
  const place = ['steps', step, 'in'];
  if (given === undefined || given === null || (Array.isArray(given) && given.length === 0)) {
    const keys = Object.keys(stepsOf(document)[step] ?? {}).filter(key => key !== 'in');
    return [put(place, channel), order(['steps', step], ['in', ...keys])];
  }
  if (typeof given === 'string') {
    return [put(place, [given, channel])];
  }
  return Array.isArray(given)
    ? [insert([...place, given.length], channel)]
    : [put([...place, freshName(channel, Object.keys(mapping(given)))], channel)];
}

/** The changes that make a port write a channel; a second port needs a dispatch. */
function writeOps(document: Document, source: Source, channel: string): Op[] {
  if (source.kind === 'channel' || source.kind === 'rejects' || source.kind === 'message') {
    return [];
  }
  const place = ['steps', source.step, 'out'];
  const body: Mapping = stepsOf(document)[source.step] ?? {};
  const ports = portsOf(body);
  if (source.kind === 'port') {
    return [put(typeof body.out === 'string' ? place : [...place, source.port], channel)];
  }
  if (ports.length === 0) {
    return [put(place, channel)];
  }
  const port = freshName('out', ports.map(({ name }) => name));
  const dispatch = body.dispatch === undefined ? [put(['steps', source.step, 'dispatch'], 'clone')] : [];
  return typeof body.out === 'string'
    ? [put(place, { out: body.out, [port]: channel }), ...dispatch]
    : [put([...place, port], channel), ...dispatch];
}

function messageOps(document: Document, from: string, to: string): Op[] {
  const steps = stepsOf(document);
  const emits = list(steps[from]?.emit);
  const known = text(mapping(emits[0]).tag);
  const tag = known || `${from}_done`;
  const emit = known === '' ? [put(['steps', from, 'emit'], [{ tag }])] : [];
  const trigger = { message: { tag } };
  const awaited = triggersOf(steps[to] ?? {});
  if (awaited.some(one => awaitedTag(one) === tag)) {
    return emit;
  }
  return [...emit, put(['steps', to, 'trigger'], awaited.length === 0 ? trigger : [...awaited, trigger])];
}

/** The channel that a source gives; null: it has none yet. */
function channelOf(source: Source): string | null {
  switch (source.kind) {
    case 'port':
      return source.channel;
    case 'channel':
      return source.name;
    case 'rejects':
      return rejectsOf(source.step);
    default:
      return null;
  }
}

function isDurable(document: Document, channel: string): boolean {
  const writer = writersOf(document).get(channel);
  return (
    writer === undefined ||
    writer.port === 'rejects' ||
    text(channelsOf(document)[channel]?.transport) === 'spool'
  );
}

/** Whether events of one step come to another, in memory all the way. */
function reaches(document: Document, from: string, to: string): boolean {
  const steps = stepsOf(document);
  const consumers = new Map<string, string[]>();
  for (const [name, body] of Object.entries(steps)) {
    for (const { channel } of readingsOf(body)) {
      consumers.set(channel, [...(consumers.get(channel) ?? []), name]);
    }
  }
  const seen = new Set<string>();
  const waiting = [from];
  for (let step = waiting.pop(); step !== undefined; step = waiting.pop()) {
    if (step === to) {
      return true;
    }
    if (!seen.has(step)) {
      seen.add(step);
      waiting.push(
        ...portsOf(steps[step] ?? {})
          .filter(({ channel }) => !isDurable(document, channel))
          .flatMap(({ channel }) => consumers.get(channel) ?? [])
      );
    }
  }
  return false;
}

/** A name for the channel that a source is about to get. */
function newChannel(document: Document, source: Source): string {
  const stem = source.kind === 'channel' ? source.name : source.step;
  return freshName(`${stem}_out`, channelNames(document));
}


/** Copy and paste as text that a person can read, and that is YAML, too: a piece of a workflow. */
import type { Document, Part } from '../editor/model';
import type { Op } from '../protocol';
import {
  channelNames,
  channelsOf,
  freshName,
  isMapping,
  list,
  mapping,
  portsOf,
  stepsOf,
  text,
  type Mapping
} from './document';
import { applyOps, insert, put, remove } from './ops';
import { renameOps } from './rename';

export interface Pasted {
  ops: Op[];
  parts: Part[];
}

/** More than the height of a node. */
const ROOM = 150;

interface Point {
  x: number;
  y: number;
}

/** The parts as text; empty, if there is nothing to copy. */
export function copied(document: Document, parts: readonly Part[], places: ReadonlyMap<string, Point>): string {
  const names = parts.flatMap(part => (part.kind === 'step' ? [part.name] : []));
  const steps = picked(mapping(document.steps), names);
  const made = Object.values(steps).flatMap(step => portsOf(mapping(step)).map(port => port.channel));
  const chosen = parts.flatMap(part => (part.kind === 'channel' ? [part.name] : []));
  const channels = picked(mapping(document.channels), [...chosen, ...made]);
  if (Object.keys(steps).length + Object.keys(channels).length === 0) {
    return '';
  }
  const messages = list(document.messages).filter(
    edge => text(mapping(edge).from).split('.')[0]! in steps && text(mapping(edge).to) in steps
  );
  const ui = { ...placesOf(places, 'steps', steps), ...placesOf(places, 'channels', channels) };
  const piece = {
    ...(Object.keys(channels).length > 0 ? { channels } : {}),
    ...(Object.keys(steps).length > 0 ? { steps } : {}),
    ...(messages.length > 0 ? { messages } : {}),
    ...(Object.keys(ui).length > 0 ? { ui } : {})
  };
  return `${JSON.stringify(piece, null, 2)}\n`;
}

/** What pasting a text does; null, if it holds no piece of a workflow. Names that are taken get
 * others, and pasted steps read what was pasted with them; all of it stands below what is there. */
export function pasted(document: Document, source: string, taken: readonly Point[]): Pasted | null {
  const given = parsed(source);
  if (given === null) {
    return null;
  }
  const piece = renamed(document, withoutOrigins(document, given));
  const steps = mapping(piece.steps);
  const channels = mapping(piece.channels);
  const ui = mapping(piece.ui);
  const shift = { x: 0, y: roomBelow(ui, taken) };
  const already = list(document.messages).length;
  return {
    ops: [
      ...Object.entries(channels).map(([name, spec]) => put(['channels', name], spec)),
      ...Object.entries(steps).map(([name, step]) => put(['steps', name], step)),
      ...list(piece.messages).map((edge, index) => insert(['messages', already + index], edge)),
      ...shifted(ui.steps, 'steps', shift),
      ...shifted(ui.channels, 'channels', shift)
    ],
    parts: [
      ...Object.keys(steps).map((name): Part => ({ kind: 'step', name })),
      ...Object.keys(channels).map((name): Part => ({ kind: 'channel', name }))
    ]
  };
}

function parsed(source: string): Document | null {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch {
    return null;
  }
  const fits =
    isMapping(value) && (isMapping(value.steps) || isMapping(value.channels)) &&
    Object.values(mapping(value.steps)).every(isMapping);
  return fits ? (value as Document) : null;
}

/** The piece with no step that says it was another before, if a step of the document says so too. */
function withoutOrigins(document: Document, piece: Document): Document {
  const claimed = new Set(Object.values(stepsOf(document)).map(({ renamed_from }) => renamed_from));
  const copies = Object.entries(stepsOf(piece)).filter(
    ([, { renamed_from }]) => renamed_from !== undefined && claimed.has(renamed_from)
  );
  return applyOps(piece, copies.map(([name]) => remove(['steps', name, 'renamed_from']))).document;
}

/** The piece under names that the document does not have yet. */
function renamed(document: Document, piece: Document): Document {
  const steps = new Set(Object.keys(stepsOf(document)));
  const channels = channelNames(document);
  const produced = new Set([
    ...Object.keys(channelsOf(piece)),
    ...Object.values(stepsOf(piece)).flatMap(step => portsOf(step).map(port => port.channel))
  ]);
  let now = piece;
  const give = (part: Part & { name: string }, taken: Set<string>): void => {
    const name = freshName(part.name, taken);
    now = applyOps(now, renameOps(now, part, name)).document;
    taken.add(name);
  };
  for (const name of Object.keys(stepsOf(piece))) {
    give({ kind: 'step', name }, new Set([...steps, ...Object.keys(stepsOf(now)).filter(own => own !== name)]));
  }
  for (const name of produced) {
    const own = [...channelNames(now)].filter(other => other !== name);
    give({ kind: 'channel', name }, new Set([...channels, ...own]));
  }
  return now;
}

function picked(holder: Mapping, names: readonly string[]): Mapping {
  const wanted = new Set(names);
  return Object.fromEntries(Object.entries(holder).filter(([name]) => wanted.has(name)));
}

function placesOf(places: ReadonlyMap<string, Point>, section: 'steps' | 'channels', parts: Mapping): Mapping {
  const prefix = section === 'steps' ? 'step' : 'spool';
  const found = Object.keys(parts).flatMap(name => {
    const place = places.get(`${prefix}:${name}`);
    return place === undefined ? [] : [[name, place] as const];
  });
  return found.length === 0 ? {} : { [section]: Object.fromEntries(found) };
}

/** How far a piece must go down to stand clear of what is there. */
function roomBelow(ui: Mapping, taken: readonly Point[]): number {
  const points = [ui.steps, ui.channels].flatMap(section => Object.values(mapping(section)).map(place => Number(mapping(place).y)));
  return points.length === 0 || taken.length === 0
    ? 0
    : Math.max(0, Math.max(...taken.map(({ y }) => y)) + ROOM - Math.min(...points));
}

function shifted(places: unknown, section: 'steps' | 'channels', shift: Point): Op[] {
  return Object.entries(mapping(places)).map(([name, place]) => {
    const { x, y } = mapping(place);
    return put(['ui', section, name], { x: Number(x) + shift.x, y: Number(y) + shift.y });
  });
}


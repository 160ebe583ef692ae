/** New names for steps and channels, with all that refers to them. */
import type { Document, Part } from '../editor/model';
import type { Op } from '../protocol';
import { channelNames, list, mapping, NAME, portsOf, readingsOf, rejectsOf, stepsOf, text, type Mapping } from './document';
import { put, remove, rename, valueAt } from './ops';

/** Names of steps that are deployed; null: nobody could tell. */
export type Deployed = ReadonlySet<string> | null;

const NONE: ReadonlySet<string> = new Set();

/** Why a name cannot be taken; null: it can. */
export function nameRefusal(document: Document, part: Part, name: string): string | null {
  if (!NAME.test(name)) {
    return 'a name has small letters, digits and _, and begins with a letter';
  }
  if (part.kind === 'step' && name !== part.name && name in stepsOf(document)) {
    return `there is a step ${name} already`;
  }
  if (part.kind === 'channel' && name !== part.name && channelNames(document).has(name)) {
    return `there is a channel ${name} already`;
  }
  return null;
}

/** A step of those that are `deployed` says what it was called, so that its place and state follow. */
export function renameOps(document: Document, part: Part, name: string, deployed: Deployed = NONE): Op[] {
  if (part.kind === 'step') {
    return part.name === name ? [] : stepOps(document, part.name, name, deployed);
  }
  if (part.kind === 'channel') {
    return part.name === name ? [] : channelOps(document, part.name, name);
  }
  return part.kind === 'workflow' ? [put(['workflow'], name)] : [];
}

function stepOps(document: Document, old: string, name: string, deployed: Deployed): Op[] {
  const messages = list(document.messages).flatMap((declared, index) => {
    const { from, to } = mapping(declared);
    const [step, ...port] = text(from).split('.');
    return [
      ...(step === old ? [put(['messages', index, 'from'], [name, ...port].join('.'))] : []),
      ...(to === old ? [put(['messages', index, 'to'], name)] : [])
    ];
  });
  return [
    ...referenceOps(document, rejectsOf(old), rejectsOf(name)),
    ...messages,
    ...uiOps(document, 'steps', old, name),
    rename(['steps', old], name),
    ...originOps(stepsOf(document)[old] ?? {}, old, name, deployed)
  ];
}

/** `renamed_from` names what is deployed, however often the draft's step gets other names. Where that is not
 * known, the first name that the document tells of is noted: a plan lets pass what was never deployed. */
function originOps(body: Mapping, old: string, name: string, deployed: Deployed): Op[] {
  const place = ['steps', name, 'renamed_from'];
  const noted = text(body.renamed_from);
  const isOwn = deployed === null ? noted === '' : deployed.has(old);
  const origin = isOwn ? old : noted;
  if (origin === name) {
    return noted === '' ? [] : [remove(place)];
  }
  return origin === noted ? [] : [put(place, origin)];
}

function channelOps(document: Document, old: string, name: string): Op[] {
  const declared = valueAt(document, ['channels', old]) === undefined ? [] : [rename(['channels', old], name)];
  const messages = list(document.messages).flatMap((edge, index) =>
    mapping(edge).from === old ? [put(['messages', index, 'from'], name)] : []
  );
  return [...declared, ...referenceOps(document, old, name), ...messages, ...uiOps(document, 'channels', old, name)];
}

/** Every `in` and `out` that names the channel. */
function referenceOps(document: Document, old: string, name: string): Op[] {
  return Object.entries(stepsOf(document)).flatMap(([step, body]) =>
    [...portsOf(body), ...readingsOf(body)]
      .filter(({ channel }) => channel === old)
      .map(({ path }) => put(['steps', step, ...path], name))
  );
}

function uiOps(document: Document, section: 'steps' | 'channels', old: string, name: string): Op[] {
  return valueAt(document, ['ui', section, old]) === undefined ? [] : [rename(['ui', section, old], name)];
}

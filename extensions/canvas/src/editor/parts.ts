/** Parts of a document: whether they are there, and what they are called. */
import { awaitedTag, channelNames, list, mapping, stepsOf, triggersOf } from '../graph/document';
import type { Document, Part } from './model';

export function partExists(document: Document, part: Part): boolean {
  switch (part.kind) {
    case 'workflow':
      return true;
    case 'step':
      return part.name in stepsOf(document);
    case 'channel':
      return channelNames(document).has(part.name);
    case 'message':
      return (
        triggersOf(stepsOf(document)[part.to] ?? {}).some(trigger => awaitedTag(trigger) === part.tag) ||
        list(document.messages).some(edge => mapping(edge).tag === part.tag && mapping(edge).to === part.to)
      );
  }
}

export function samePart(one: Part, other: Part): boolean {
  return partKey(one) === partKey(other);
}

function partKey(part: Part): string {
  switch (part.kind) {
    case 'workflow':
      return 'workflow';
    case 'message':
      return `message:${part.from}:${part.tag}:${part.to}`;
    default:
      return `${part.kind}:${part.name}`;
  }
}

/** The part in words. */
export function partName(part: Part): string {
  switch (part.kind) {
    case 'workflow':
      return 'the workflow';
    case 'message':
      return `message ${part.tag} from ${part.from} to ${part.to}`;
    default:
      return `${part.kind} ${part.name}`;
  }
}

/** Where the document says that nodes stand, and the changes that make it say so. */
import type { Document } from '../editor/model';
import type { Op } from '../protocol';
import { mapping } from './document';
import type { Node } from './graph';
import { put, remove, valueAt } from './ops';
import type { Places, Point } from './sizes';

/** Where the document says that nodes stand. */
export function fixedPlaces(document: Document, nodes: readonly Node[]): Map<string, Point> {
  const places = new Map<string, Point>();
  for (const node of nodes) {
    const { x, y } = mapping(valueAt(document, placePath(node)));
    if (typeof x === 'number' && typeof y === 'number') {
      places.set(node.id, { x, y });
    }
  }
  return places;
}

/** The changes that make nodes stand where they are shown. */
export function placeOps(nodes: readonly Node[], places: Places): Op[] {
  return nodes.flatMap(node => {
    const place = places.get(node.id);
    return place === undefined
      ? []
      : [put(placePath(node), { x: Math.round(place.x), y: Math.round(place.y) })];
  });
}

/** The changes that forget where nodes stand. */
export function unplaceOps(document: Document, nodes: readonly Node[]): Op[] {
  return nodes
    .map(placePath)
    .filter(path => valueAt(document, path) !== undefined)
    .map(remove);
}

function placePath(node: Node): string[] {
  return ['ui', node.kind === 'step' ? 'steps' : 'channels', node.name];
}

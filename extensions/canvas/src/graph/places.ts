/** Where nodes stand: what has a place keeps it, the rest is laid out. */
import { apart } from './apart';
import { besides, freePlace } from './besides';
import type { Graph, Node } from './graph';
import { laidOut, type Layout } from './layout';
import { boxesOf, sizeOf, type Places, type Point, type Size } from './sizes';

/** A place for every node. Those in `known` keep theirs, so that nothing jumps while one edits; but those
 * that the document does not hold in place (`fixed`) make room for what comes between them, and where most
 * nodes are new, all are laid out. */
export function placesOf(graph: Graph, known: Places, fixed: Places = known): Layout {
  const missing = graph.nodes.filter(node => !known.has(node.id));
  const kept = placed(graph.nodes, known);
  if (missing.length === 0) {
    return { places: apart(graph, kept, fixed), routes: new Map() };
  }
  if (missing.length <= kept.size) {
    return { places: apart(graph, besides(graph, missing, kept, fixed), fixed), routes: new Map() };
  }
  const { places, routes } = laidOut(graph);
  const held = placed(graph.nodes, fixed);
  return { places: held.size === 0 ? places : apart(graph, around(held, places, graph.nodes), fixed), routes };
}

/** Places that give way to those that are held. */
function around(held: Map<string, Point>, places: Places, nodes: readonly Node[]): Map<string, Point> {
  const sizes = new Map(nodes.map(node => [node.id, sizeOf(node)]));
  for (const [id, place] of places) {
    if (!held.has(id)) {
      held.set(id, freePlace(place, sizes.get(id) as Size, held, sizes));
    }
  }
  return held;
}

function placed(nodes: readonly Node[], places: Places): Map<string, Point> {
  return new Map(boxesOf(nodes, places).map(({ id, x, y }) => [id, { x, y }]));
}

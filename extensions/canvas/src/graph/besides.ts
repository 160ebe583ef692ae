/** New nodes beside those that have their places. */
import type { Edge, Graph, Node } from './graph';
import { laidOut } from './layout';
import { GAP, jointsAlong, overlap, sizeOf, type Places, type Point, type Size } from './sizes';

/** What stands free of others keeps this distance. */
const MARGIN = 8;

/** Few new nodes stand behind what they read, or before what they feed; many are laid out among
 * themselves, below the rest. */
export function besides(graph: Graph, missing: readonly Node[], places: Map<string, Point>, fixed: Places): Map<string, Point> {
  const nodes = new Map(graph.nodes.map(node => [node.id, node]));
  const sizes = new Map(graph.nodes.map(node => [node.id, sizeOf(node)]));
  const waiting = [...missing];
  for (let stuck = 0; waiting.length > 0 && stuck < waiting.length; ) {
    const node = waiting.shift() as Node;
    const place = neighbourly(node, graph.edges, places, nodes);
    if (place === null) {
      waiting.push(node);
      stuck += 1;
    } else {
      makeRoom(node, place, graph.edges, places, fixed);
      places.set(node.id, freePlace(place, sizeOf(node), places, sizes));
      stuck = 0;
    }
  }
  const loose = new Set(waiting.map(node => node.id));
  const { places: island } = laidOut({
    nodes: waiting,
    edges: graph.edges.filter(edge => loose.has(edge.tail) && loose.has(edge.head)),
    regions: graph.regions.map(region => ({ ...region, nodes: region.nodes.filter(id => loose.has(id)) }))
  });
  const low = Math.max(...[...places].map(([id, place]) => place.y + (sizes.get(id)?.height ?? 0)));
  const left = Math.min(...[...places.values()].map(place => place.x));
  for (const [id, { x, y }] of island) {
    places.set(id, { x: left + x, y: low + GAP.y + y });
  }
  return places;
}

/** Behind or before a neighbour, so that the edge between them is straight. */
function neighbourly(node: Node, edges: readonly Edge[], places: Places, nodes: ReadonlyMap<string, Node>): Point | null {
  const own = edges.filter(edge => edge.tail === node.id || edge.head === node.id);
  for (const edge of [...own.filter(({ kind }) => kind !== 'message'), ...own.filter(({ kind }) => kind === 'message')]) {
    const [tail, head] = [nodes.get(edge.tail), nodes.get(edge.head)];
    const [from, to] = [places.get(edge.tail), places.get(edge.head)];
    if (tail === undefined || head === undefined) {
      continue;
    }
    const { from: leaves, to: enters } = jointsAlong(edge, tail, head);
    const down = leaves - enters;
    if (head === node && from !== undefined) {
      return { x: from.x + sizeOf(tail).width + GAP.x, y: from.y + down };
    }
    if (tail === node && to !== undefined) {
      return { x: to.x - sizeOf(node).width - GAP.x, y: to.y - down };
    }
  }
  return null;
}

/** Move what a new node feeds to the right, and all that stands beyond, unless the document holds some of
 * it in place. */
function makeRoom(node: Node, place: Point, edges: readonly Edge[], places: Map<string, Point>, fixed: Places): void {
  const heads = edges.filter(edge => edge.tail === node.id && edge.kind !== 'message').map(edge => places.get(edge.head));
  const nearest = Math.min(...heads.map(head => head?.x ?? Infinity));
  const by = place.x + sizeOf(node).width + GAP.x - nearest;
  const beyond = [...places].filter(([, { x }]) => x >= nearest);
  if (by > 0 && nearest >= place.x - GAP.x && !beyond.some(([id]) => fixed.has(id))) {
    beyond.forEach(([id, { x, y }]) => places.set(id, { x: x + by, y }));
  }
}

/** The nearest place straight below that no node covers. */
export function freePlace(wanted: Point, size: Size, places: Places, sizes: ReadonlyMap<string, Size>): Point {
  const place = { ...wanted };
  for (let moved = true; moved; ) {
    moved = false;
    for (const [id, other] of places) {
      const taken = sizes.get(id);
      if (taken !== undefined && overlap({ ...place, ...size }, { ...other, ...taken }, MARGIN)) {
        place.y = other.y + taken.height + GAP.y;
        moved = true;
      }
    }
  }
  return place;
}

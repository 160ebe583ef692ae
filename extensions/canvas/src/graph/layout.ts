/** The whole graph laid out, left to right. */
import type { Edge, Graph, Node, Region } from './graph';
import { layered, type Picture } from './layered/layered';
import { boundsOf, GAP, jointsAlong, PADDING, sizeOf, type Box, type Places, type Point, type Size } from './sizes';

/** Where an edge bends, as long as its ends stand where they stood when it was laid out. */
export interface Route {
  tail: Point;
  head: Point;
  bends: readonly Point[];
}

export interface Layout {
  places: Map<string, Point>;
  /** By edge; those that lead straight to their ends are not in it. */
  routes: Map<string, Route>;
}

const SPACING = { layers: GAP.x, boxes: GAP.y, top: PADDING.top, bottom: PADDING.bottom };
/** Between pieces that nothing joins, frames included. */
const BETWEEN = 24;
const LETTER = 6.2;
/** How much wider than high a screen is. */
const SCREEN = 1.6;

/** The whole graph in layers, the steps of each stage together; pieces that nothing joins stand one below the other, and many of them in
 * columns, so that the whole is about as wide as a screen. */
export function laidOut(graph: Graph): Layout {
  const pieces = piecesOf(graph).map(piece => {
    const picture = standing(piece);
    return { edges: piece.edges, ...picture, box: boundsOf(piece, picture.places) as Box };
  });
  const high = columnHeight(pieces.map(({ box }) => box));
  const layout: Layout = { places: new Map(), routes: new Map() };
  const at = { x: 0, y: 0 };
  let wide = 0;
  for (const { edges, places, bends, box } of pieces) {
    if (at.y + box.height / 2 > high) {
      at.x += wide + 2 * GAP.x;
      [at.y, wide] = [0, 0];
    }
    const moved = (point: Point): Point => ({ x: point.x - box.x + at.x, y: point.y - box.y + at.y });
    places.forEach((place, id) => layout.places.set(id, moved(place)));
    for (const { id, tail, head } of edges) {
      const own = bends.get(id);
      if (own !== undefined) {
        const [from, to] = [layout.places.get(tail) as Point, layout.places.get(head) as Point];
        layout.routes.set(id, { tail: from, head: to, bends: own.map(moved) });
      }
    }
    at.y += box.height + BETWEEN;
    wide = Math.max(wide, box.width);
  }
  return layout;
}

/** How high columns are that hold all boxes, as even as they can be, in about the shape of a screen. */
function columnHeight(boxes: readonly Size[]): number {
  const area = boxes.reduce((sum, { width, height }) => sum + (width + GAP.x) * (height + BETWEEN), 0);
  const total = boxes.reduce((sum, { height }) => sum + height + BETWEEN, 0);
  const columns = Math.max(1, Math.round(total / Math.sqrt(area / SCREEN)));
  return Math.max(total / columns, ...boxes.map(({ height }) => height));
}

/** The graph's pieces, joined by edges or frames, in the order of their first nodes. */
function piecesOf(graph: Graph): Graph[] {
  const touching = new Map<string, string[]>(graph.nodes.map(node => [node.id, []]));
  for (const joined of [...graph.edges.map(({ tail, head }) => [tail, head]), ...graph.regions.map(({ nodes }) => nodes)]) {
    joined.forEach(id => touching.get(id)?.push(...joined));
  }
  const pieceOf = new Map<string, number>();
  let count = 0;
  for (const { id } of graph.nodes) {
    if (!pieceOf.has(id)) {
      const waiting = [id];
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        if (!pieceOf.has(next)) {
          pieceOf.set(next, count);
          waiting.push(...(touching.get(next) ?? []));
        }
      }
      count += 1;
    }
  }
  const pieces = Array.from({ length: count }, () => ({ nodes: [] as Node[], edges: [] as Edge[], regions: [] as Region[] }));
  graph.nodes.forEach(node => pieces[pieceOf.get(node.id) ?? 0]?.nodes.push(node));
  graph.edges.forEach(edge => pieces[pieceOf.get(edge.tail) ?? 0]?.edges.push(edge));
  graph.regions.forEach(region => pieces[pieceOf.get(region.nodes[0] ?? '') ?? 0]?.regions.push(region));
  return pieces;
}

function standing(graph: Graph): Picture {
  const nodes = new Map(graph.nodes.map(node => [node.id, node]));
  const lines = graph.edges.flatMap(edge => {
    const [tail, head] = [nodes.get(edge.tail), nodes.get(edge.head)];
    if (tail === undefined || head === undefined) {
      return [];
    }
    // A message may lead back; it must not turn the order of the data around.
    const loose = edge.kind === 'message';
    const label = Math.round(edge.label.length * LETTER);
    return [{ id: edge.id, tail: tail.id, head: head.id, ...jointsAlong(edge, tail, head), label, loose }];
  });
  const boxes = graph.nodes.map(node => ({ id: node.id, ...sizeOf(node) }));
  return layered(boxes, lines, graph.regions.map(region => ({ boxes: region.nodes })), SPACING);
}

/** The bends of those edges whose ends stand where they were laid out. */
export function bendsAt(routes: ReadonlyMap<string, Route>, edges: readonly Edge[], places: Places): Map<string, readonly Point[]> {
  const stands = (id: string, at: Point): boolean => {
    const place = places.get(id);
    return place?.x === at.x && place.y === at.y;
  };
  return new Map(
    edges.flatMap(({ id, tail, head }) => {
      const route = routes.get(id);
      return route !== undefined && stands(tail, route.tail) && stands(head, route.head) ? [[id, route.bends]] : [];
    })
  );
}

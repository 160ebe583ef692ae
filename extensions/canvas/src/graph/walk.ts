/** Walking a graph by keys: along its edges, and to what lies above and below. */
import { sizeOf, type Places, type Point } from './sizes';
import type { Edge, Graph, Node } from './graph';

export type Direction = 'left' | 'right' | 'up' | 'down';

/** The node that a key leads to; null: there is none that way. */
export function nodeTowards(graph: Graph, places: Places, from: string, direction: Direction): string | null {
  const middles = new Map(graph.nodes.map(node => [node.id, middleOf(node, places)]));
  const here = middles.get(from);
  if (here === undefined) {
    return graph.nodes[0]?.id ?? null;
  }
  const near =
    direction === 'left' || direction === 'right'
      ? neighbours(graph.edges, from, direction)
      : graph.nodes.map(node => node.id).filter(id => id !== from);
  const ahead = (ids: readonly string[]): string | null => {
    const costs = ids.flatMap(id => {
      const cost = costOf(here, middles.get(id) as Point, direction);
      return cost === null ? [] : [{ id, cost }];
    });
    costs.sort((one, other) => one.cost - other.cost);
    return costs[0]?.id ?? null;
  };
  // An edge is followed even where its other end was dragged to the wrong side.
  return ahead(near) ?? (direction === 'left' || direction === 'right' ? (near[0] ?? null) : null);
}

/** All nodes in the order of the data, for reading and for Tab. */
export function inOrder(graph: Graph): Node[] {
  const heads = new Map<string, string[]>();
  const open = new Map<string, number>(graph.nodes.map(node => [node.id, 0]));
  for (const { kind, tail, head } of graph.edges) {
    if (kind !== 'message' && open.has(head)) {
      heads.set(tail, [...(heads.get(tail) ?? []), head]);
      open.set(head, (open.get(head) ?? 0) + 1);
    }
  }
  const byId = new Map(graph.nodes.map(node => [node.id, node]));
  const ready = graph.nodes.filter(node => open.get(node.id) === 0).map(node => node.id);
  const sorted: Node[] = [];
  for (let id = ready.shift(); id !== undefined; id = ready.shift()) {
    sorted.push(byId.get(id) as Node);
    for (const head of heads.get(id) ?? []) {
      const left = (open.get(head) ?? 0) - 1;
      open.set(head, left);
      if (left === 0) {
        ready.unshift(head);
      }
    }
  }
  const seen = new Set(sorted);
  return [...sorted, ...graph.nodes.filter(node => !seen.has(node))];
}

function neighbours(edges: readonly Edge[], from: string, direction: 'left' | 'right'): string[] {
  return edges
    .filter(edge => (direction === 'right' ? edge.tail : edge.head) === from)
    .map(edge => (direction === 'right' ? edge.head : edge.tail));
}

function middleOf(node: Node, places: Places): Point {
  const { width, height } = sizeOf(node);
  const { x, y } = places.get(node.id) ?? { x: 0, y: 0 };
  return { x: x + width / 2, y: y + height / 2 };
}

/** How far it is, straying sideways costing double; null: it lies the other way. */
function costOf(from: Point, to: Point, direction: Direction): number | null {
  const [along, astray] =
    direction === 'left' || direction === 'right' ? [to.x - from.x, to.y - from.y] : [to.y - from.y, to.x - from.x];
  const forward = direction === 'left' || direction === 'up' ? -along : along;
  return forward <= 0 ? null : forward + 2 * Math.abs(astray);
}

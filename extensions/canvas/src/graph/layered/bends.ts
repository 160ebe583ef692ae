/** Layers, and lines cut where they pass one. */
import { join, newVertex, type Layers, type Segment, type Vertex } from './shape';

/** The layers with a bend wherever a line passes one, in an order that a walk from the left gives:
 * without crossings where the graph is a tree. Beside them the bends of each line. */
export function bent(
  vertices: readonly Vertex[],
  lines: readonly Segment[]
): { layers: Layers; bends: Map<Segment, Vertex[]> } {
  const bends = new Map(lines.map(line => [line, cut(line)]));
  const layers: Layers = [];
  const seen = new Set<Vertex>();
  for (const root of [...vertices].sort((one, other) => one.rank - other.rank)) {
    const way = [root];
    for (let vertex = way.pop(); vertex !== undefined; vertex = way.pop()) {
      if (!seen.has(vertex)) {
        seen.add(vertex);
        const layer = (layers[vertex.rank] ??= []);
        vertex.order = layer.push(vertex) - 1;
        way.push(...[...vertex.out].sort((one, other) => other.from - one.from).map(segment => segment.head));
      }
    }
  }
  return { layers, bends };
}

function cut({ tail, head, from, to, loose }: Segment): Vertex[] {
  const bends: Vertex[] = [];
  let last = tail;
  for (let rank = tail.rank + 1; rank < head.rank; rank += 1) {
    const bend = newVertex(null, 0, 0);
    bend.rank = rank;
    join({ tail: last, head: bend, from: last === tail ? from : 0, to: 0, loose });
    bends.push(bend);
    last = bend;
  }
  join({ tail: last, head, from: last === tail ? from : 0, to, loose });
  return bends;
}

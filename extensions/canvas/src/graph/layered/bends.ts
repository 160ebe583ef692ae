/** Layers, and lines cut where they pass one. */
import { join, newVertex, type Layers, type Segment, type Span, type Vertex } from './shape';

/** The layers with a bend wherever a line passes one, in an order that a walk from the left gives:
 * without crossings where the graph is a tree. Beside them the bends of each line. */
export function bent(
  vertices: readonly Vertex[],
  lines: readonly Segment[]
): { layers: Layers; bends: Map<Segment, Vertex[]> } {
  const bends = new Map(lines.map(line => [line, cut(line)]));
  const layers: Layers = [];
  const seen = new Set<Vertex>();
  const all = [...vertices, ...fillers([...vertices, ...[...bends.values()].flat()])];
  for (const root of all.sort((one, other) => one.rank - other.rank)) {
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
  return { layers: Array.from(layers, layer => layer ?? []), bends };
}

function cut(line: Segment): Vertex[] {
  const { tail, head, from, to, loose } = line;
  const bends: Vertex[] = [];
  let last = tail;
  for (let rank = tail.rank + 1; rank < head.rank; rank += 1) {
    const bend = newVertex('bend');
    bend.rank = rank;
    bend.frame = frameAt(rank, line);
    join({ tail: last, head: bend, from: last === tail ? from : 0, to: 0, loose });
    bends.push(bend);
    last = bend;
  }
  join({ tail: last, head, from: last === tail ? from : 0, to, loose });
  return bends;
}

/** In which frame a line bends: it leaves and enters frames at their ends, but where the two stand one above
 * the other it runs between them. */
function frameAt(rank: number, { tail, head }: Segment): Span | null {
  if (tail.frame === head.frame) {
    return tail.frame;
  }
  const last = tail.frame?.last ?? tail.rank;
  const first = head.frame?.first ?? head.rank;
  if (last >= first) {
    return null;
  }
  return rank <= last ? tail.frame : rank >= first ? head.frame : null;
}

/** What stands where a frame would be empty: it has a place in each of its layers. */
function fillers(vertices: readonly Vertex[]): Vertex[] {
  const filled = new Map<Span, Set<number>>();
  for (const { frame, rank } of vertices) {
    if (frame !== null) {
      filled.set(frame, (filled.get(frame) ?? new Set()).add(rank));
    }
  }
  return [...filled].flatMap(([frame, ranks]) => {
    const empty = Array.from({ length: frame.last - frame.first }, (_, index) => frame.first + index);
    return empty
      .filter(rank => !ranks.has(rank))
      .map(rank => Object.assign(newVertex('bend'), { rank, frame }));
  });
}

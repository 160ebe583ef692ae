/** In which layer each box stands. */
import type { Segment, Vertex } from './shape';

/** How firmly lines within a frame hold their ends together: as many others. */
const WITHIN = 3;

/** Rank the vertices by the longest paths that lead to them, and tell which lines go forward; what has
 * more to give than to take then moves up to what it feeds. */
export function ranked(vertices: readonly Vertex[], lines: readonly Segment[]): Segment[] {
  const firm = withoutCircles(vertices, lines.filter(line => !line.loose && line.tail !== line.head));
  const loose = lines.filter(line => line.loose);
  const order = inOrder(vertices, firm, loose);
  const at = new Map(order.map((vertex, index) => [vertex, index]));
  const forward = [...firm, ...loose.filter(({ tail, head }) => (at.get(tail) ?? 0) < (at.get(head) ?? 0))];
  const into = grouped(forward, line => line.head);
  const out = grouped(forward, line => line.tail);
  for (const vertex of order) {
    vertex.rank = Math.max(0, ...(into.get(vertex) ?? []).map(line => line.tail.rank + 1));
  }
  for (const vertex of order.reverse()) {
    const heads = out.get(vertex) ?? [];
    if (weight(heads) > weight(into.get(vertex) ?? [])) {
      vertex.rank = Math.min(...heads.map(line => line.head.rank)) - 1;
    }
  }
  return forward;
}

function weight(lines: readonly Segment[]): number {
  return lines.reduce((sum, { tail, head }) => sum + (tail.frame !== null && tail.frame === head.frame ? WITHIN : 1), 0);
}

/** All lines but those that lead back to where a walk came from. */
function withoutCircles(vertices: readonly Vertex[], lines: readonly Segment[]): Segment[] {
  const out = grouped(lines, line => line.tail);
  const fed = new Set(lines.map(line => line.head));
  const walked = new Map<Vertex, 'under way' | 'done'>();
  const closing = new Set<Segment>();
  for (const root of [...vertices.filter(vertex => !fed.has(vertex)), ...vertices]) {
    const way = walked.has(root) ? [] : [{ vertex: root, left: [...(out.get(root) ?? [])] }];
    walked.set(root, walked.get(root) ?? 'under way');
    for (let here = way.at(-1); here !== undefined; here = way.at(-1)) {
      const line = here.left.shift();
      if (line === undefined) {
        walked.set(here.vertex, 'done');
        way.pop();
      } else if (walked.get(line.head) === 'under way') {
        closing.add(line);
      } else if (!walked.has(line.head)) {
        walked.set(line.head, 'under way');
        way.push({ vertex: line.head, left: [...(out.get(line.head) ?? [])] });
      }
    }
  }
  return lines.filter(line => !closing.has(line));
}

/** The vertices so that all firm lines lead forward, and of the loose ones as many as is easily had. */
function inOrder(vertices: readonly Vertex[], firm: readonly Segment[], loose: readonly Segment[]): Vertex[] {
  const waiting = { firm: counted(firm), loose: counted(loose) };
  const out = { firm: grouped(firm, line => line.tail), loose: grouped(loose, line => line.tail) };
  const ready: Vertex[] = [];
  const hesitant: Vertex[] = [];
  const take = (vertex: Vertex): void => {
    if ((waiting.firm.get(vertex) ?? 0) === 0) {
      ((waiting.loose.get(vertex) ?? 0) === 0 ? ready : hesitant).push(vertex);
    }
  };
  vertices.forEach(take);
  const order = new Set<Vertex>();
  for (let next = ready.shift() ?? hesitant.shift(); next !== undefined; next = ready.shift() ?? hesitant.shift()) {
    if (!order.has(next)) {
      order.add(next);
      for (const kind of ['firm', 'loose'] as const) {
        for (const { head } of out[kind].get(next) ?? []) {
          waiting[kind].set(head, (waiting[kind].get(head) ?? 0) - 1);
          if (waiting[kind].get(head) === 0) {
            take(head);
          }
        }
      }
    }
  }
  return [...order];
}

function counted(lines: readonly Segment[]): Map<Vertex, number> {
  const counts = new Map<Vertex, number>();
  lines.forEach(({ head }) => counts.set(head, (counts.get(head) ?? 0) + 1));
  return counts;
}

function grouped(lines: readonly Segment[], by: (line: Segment) => Vertex): Map<Vertex, Segment[]> {
  const groups = new Map<Vertex, Segment[]>();
  for (const line of lines) {
    const group = groups.get(by(line));
    if (group === undefined) {
      groups.set(by(line), [line]);
    } else {
      group.push(line);
    }
  }
  return groups;
}

/** Boxes and lines in layers, from left to right, after Sugiyama, Tagawa and Toda (1981): ranks by
 * longest paths, bends where a line passes a layer, an order with few crossings, heights that make
 * lines straight. Lines lead from port to port, so that those of one box are no tangle. The same graph
 * always gives the same picture. */
import { bent } from './bends';
import { topsOf } from './heights';
import { untangled } from './order';
import { ranked } from './ranks';
import { newVertex, type Layers, type Segment } from './shape';

/** Room beside the words of a line. */
const BESIDE_WORDS = 28;

export interface Box {
  id: string;
  width: number;
  height: number;
}

export interface Line {
  tail: string;
  head: string;
  /** How far below their tops it leaves its tail and reaches its head. */
  from: number;
  to: number;
  /** How wide its words are. */
  label: number;
  /** Gives way to others: it turns no order around and draws nothing to its ends. */
  loose: boolean;
}

/** The boxes' upper left corners. `gap` is the room between layers, and between boxes of one layer. */
export function layered(
  boxes: readonly Box[],
  lines: readonly Line[],
  gap: Readonly<{ x: number; y: number }>
): Map<string, { x: number; y: number }> {
  const vertices = new Map(boxes.map(({ id, width, height }) => [id, newVertex(id, width, height)]));
  const labels = new Map<Segment, number>();
  for (const { tail, head, from, to, loose, label } of lines) {
    const [start, end] = [vertices.get(tail), vertices.get(head)];
    if (start !== undefined && end !== undefined) {
      labels.set({ tail: start, head: end, from, to, loose }, label);
    }
  }
  const forward = ranked([...vertices.values()], [...labels.keys()]);
  const layers = untangled(bent([...vertices.values()], forward));
  const tops = topsOf(layers, gap.y);
  const middles = middlesOf(layers, labels, gap.x);
  return new Map(
    [...vertices].map(([id, vertex]) => {
      const x = (middles[vertex.rank] ?? 0) - vertex.width / 2;
      return [id, { x: Math.round(x), y: Math.round(tops.get(vertex) ?? 0) }];
    })
  );
}

/** The middles of the layers: each as wide as its widest box, with room for the words on lines. */
function middlesOf(layers: Layers, labels: ReadonlyMap<Segment, number>, gap: number): number[] {
  const widths = layers.map(layer => Math.max(...layer.map(vertex => vertex.width)));
  const gaps = layers.map(() => gap);
  for (const [{ tail, head }, label] of labels) {
    // A longer line has a whole layer for its words.
    if (head.rank === tail.rank + 1) {
      gaps[tail.rank] = Math.max(gaps[tail.rank] ?? 0, label + BESIDE_WORDS);
    }
  }
  let left = 0;
  return widths.map((width, rank) => {
    const middle = left + width / 2;
    left += width + (gaps[rank] ?? 0);
    return middle;
  });
}

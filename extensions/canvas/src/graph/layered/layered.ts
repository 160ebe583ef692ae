/** Boxes and lines in layers, from left to right, after Sugiyama, Tagawa and Toda (1981): ranks by
 * longest paths, bends where a line passes a layer, an order with few crossings, heights that make
 * lines straight. Lines lead from port to port, so that those of one box are no tangle. The same graph
 * always gives the same picture. */
import { bent } from './bends';
import { topsOf } from './heights';
import { untangled } from './order';
import { ranked } from './ranks';
import { newVertex, type Layers, type Segment, type Vertex } from './shape';

/** Room beside the words of a line. */
const BESIDE_WORDS = 28;

export interface Box {
  id: string;
  width: number;
  height: number;
}

export interface Line {
  id: string;
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

export interface Point {
  x: number;
  y: number;
}

export interface Picture {
  /** The boxes' upper left corners. */
  places: Map<string, Point>;
  /** Through which points a line leads between its ends, so that it runs over no box: across each layer
   * that it passes, from one side to the other. Lines that pass none are not in it. */
  bends: Map<string, Point[]>;
}

/** `gap` is the room between layers, and between boxes of one layer. */
export function layered(boxes: readonly Box[], lines: readonly Line[], gap: Readonly<Point>): Picture {
  const vertices = new Map(boxes.map(({ id, width, height }) => [id, newVertex(id, width, height)]));
  const segments = new Map<Segment, Line>();
  for (const line of lines) {
    const { from, to, loose } = line;
    const [tail, head] = [vertices.get(line.tail), vertices.get(line.head)];
    if (tail !== undefined && head !== undefined) {
      segments.set({ tail, head, from, to, loose }, line);
    }
  }
  const { layers: begun, bends } = bent([...vertices.values()], ranked([...vertices.values()], [...segments.keys()]));
  const layers = untangled(begun);
  const tops = topsOf(layers, gap.y);
  const columns = columnsOf(layers, segments, gap.x);
  const y = (vertex: Vertex): number => Math.round(tops.get(vertex) ?? 0);
  const across = (bend: Vertex): Point[] => {
    const { left = 0, width = 0 } = columns[bend.rank] ?? {};
    return [{ x: left, y: y(bend) }, { x: left + width, y: y(bend) }];
  };
  return {
    places: new Map(
      [...vertices].map(([id, vertex]) => {
        const { left = 0, width = 0 } = columns[vertex.rank] ?? {};
        return [id, { x: Math.round(left + (width - vertex.width) / 2), y: y(vertex) }];
      })
    ),
    bends: new Map(
      [...bends]
        .filter(([, passed]) => passed.length > 0)
        .map(([segment, passed]) => [segments.get(segment)?.id ?? '', passed.flatMap(across)])
    )
  };
}

/** Where the layers begin, each as wide as its widest box, with room for the words on lines. */
function columnsOf(
  layers: Layers,
  segments: ReadonlyMap<Segment, Line>,
  gap: number
): { left: number; width: number }[] {
  const gaps = layers.map(() => gap);
  for (const [{ tail, head }, { label }] of segments) {
    // A longer line has a whole layer for its words.
    if (head.rank === tail.rank + 1) {
      gaps[tail.rank] = Math.max(gaps[tail.rank] ?? 0, label + BESIDE_WORDS);
    }
  }
  let next = 0;
  return layers.map((layer, rank) => {
    const [left, width] = [next, Math.max(...layer.map(vertex => vertex.width))];
    next += width + (gaps[rank] ?? 0);
    return { left, width };
  });
}

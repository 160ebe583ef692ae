/** Boxes and lines in layers, from left to right, after Sugiyama, Tagawa and Toda (1981): ranks by
 * longest paths, bends where a line passes a layer, an order with few crossings, heights that make
 * lines straight. Lines lead from port to port, so that those of one box are no tangle. Boxes of one frame
 * stand together, and nothing else stands within it (after Sander, 1996: layers of the whole graph, each frame
 * with its own part of them, and sides that are laid out like lines). The same graph always gives the same
 * picture. */
import { bent } from './bends';
import { topsOf, type Room } from './heights';
import type { Item } from './items';
import { untangled } from './order';
import { ranked } from './ranks';
import { settled } from './settle';
import { join, newVertex, number, type Layers, type Segment, type Span, type Vertex } from './shape';

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

/** Boxes that one frame is drawn around; a box is in one frame at most. */
export interface Frame {
  boxes: readonly string[];
}

export interface Spacing extends Room {
  /** Between layers. */
  layers: number;
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

export function layered(
  boxes: readonly Box[],
  lines: readonly Line[],
  frames: readonly Frame[],
  spacing: Readonly<Spacing>
): Picture {
  const vertices = new Map(boxes.map(({ id, width, height }) => [id, newVertex('box', width, height)]));
  const held = frames.map(frame => hold(frame.boxes.flatMap(id => vertices.get(id) ?? [])));
  const segments = new Map<Segment, Line>();
  for (const line of lines) {
    const { from, to, loose } = line;
    const [tail, head] = [vertices.get(line.tail), vertices.get(line.head)];
    if (tail !== undefined && head !== undefined) {
      segments.set({ tail, head, from, to, loose }, line);
    }
  }
  const forward = ranked([...vertices.values()], [...segments.keys()]);
  held.forEach(measure);
  const { layers: begun, bends } = bent([...vertices.values()], forward);
  const layers = withSides(untangled(begun));
  const tops = topsOf(layers, spacing);
  settled(layers, tops, spacing);
  const columns = columnsOf(layers, segments, spacing.layers);
  const y = (vertex: Vertex): number => Math.round(tops[vertex.index] ?? 0);
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

/** What stands in a frame knows it. */
function hold(vertices: readonly Vertex[]): { frame: Span; vertices: readonly Vertex[] } {
  const frame = { first: 0, last: 0 };
  vertices.forEach(vertex => {
    vertex.frame = frame;
  });
  return { frame, vertices };
}

function measure({ frame, vertices }: { frame: Span; vertices: readonly Vertex[] }): void {
  const ranks = vertices.map(({ rank }) => rank);
  frame.first = Math.min(...ranks);
  frame.last = Math.max(...ranks);
}

/** The layers with the sides of the frames, which run from layer to layer. */
function withSides(layers: readonly Item[][]): Layers {
  const sides = new Map<Span, { top: Vertex; bottom: Vertex }>();
  return layers.map((items, rank) => {
    const layer = items.flatMap(({ frame, vertices }) => {
      if (frame === null) {
        return vertices;
      }
      const before = sides.get(frame);
      const here = { top: newVertex('top'), bottom: newVertex('bottom') };
      for (const side of ['top', 'bottom'] as const) {
        here[side].rank = rank;
        here[side].frame = frame;
        if (before !== undefined) {
          join({ tail: before[side], head: here[side], from: 0, to: 0, loose: false });
        }
      }
      sides.set(frame, here);
      return [here.top, ...vertices, here.bottom];
    });
    number(layer);
    return layer;
  });
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

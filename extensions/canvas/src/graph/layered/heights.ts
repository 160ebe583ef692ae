/** How high boxes stand, after Brandes and Köpf (2001): four times each vertex is put in line with the
 * middle one of its neighbours, once for each side and direction, and packed; it stands between the
 * middle two. What is put in line are the ports (Rüegg and others, 2015), so that lines are straight. */
import type { Layers, Segment, Vertex } from './shape';

/** Room that a line which passes keeps on either side. */
const BESIDE_LINE = 6;

/** One of the four ways to look at the layers: from one side, and from the top or upside down. */
interface View {
  layers: Layers;
  side: 'into' | 'out';
  upsideDown: boolean;
}

/** Vertices in one line move together: how far each is below the first. */
interface Blocks {
  first: Map<Vertex, Vertex>;
  shift: Map<Vertex, number>;
}

interface Link {
  segment: Segment;
  vertex: Vertex;
  /** How much lower this vertex has to stand than that one for a straight line. */
  shift: number;
}

/** The tops of all vertices; the highest is at 0. `gap` is the room between boxes. */
export function topsOf(layers: Layers, gap: number): Map<Vertex, number> {
  const yielding = yieldingIn(layers);
  const views = (['into', 'out'] as const).flatMap(side =>
    [false, true].map(upsideDown => ({ layers: seen(layers, side, upsideDown), side, upsideDown }))
  );
  const all = views.map(view => packed(view, alignedIn(view, yielding), gap));
  return middle(levelled(all, views));
}

function seen(layers: Layers, side: View['side'], upsideDown: boolean): Layers {
  const rows = side === 'into' ? layers : [...layers].reverse();
  return upsideDown ? rows.map(row => [...row].reverse()) : rows;
}

/** Segments that cross the inner part of a long line: that one is kept straight. */
function yieldingIn(layers: Layers): Set<Segment> {
  const found = new Set<Segment>();
  for (const layer of layers.slice(1)) {
    let [done, low] = [0, 0];
    layer.forEach((vertex, index) => {
      const inner = vertex.into.find(isInner);
      const high = inner?.tail.order ?? Infinity;
      if (inner !== undefined || index === layer.length - 1) {
        for (const segment of layer.slice(done, index + 1).flatMap(one => one.into)) {
          const { order } = segment.tail;
          if (!isInner(segment) && (order < low || order > high)) {
            found.add(segment);
          }
        }
        [done, low] = [index + 1, high];
      }
    });
  }
  return found;
}

const isBend = (vertex: Vertex): boolean => vertex.box === null;
const isInner = ({ tail, head, loose }: Segment): boolean => isBend(tail) && isBend(head) && !loose;

/** Put each vertex in line with the middle one of its neighbours, if no other line is in the way. */
function alignedIn(view: View, yielding: ReadonlySet<Segment>): Blocks {
  const all = view.layers.flat();
  const first = new Map(all.map(vertex => [vertex, vertex]));
  const shift = new Map(all.map(vertex => [vertex, 0]));
  for (const layer of view.layers) {
    let last = -Infinity;
    for (const vertex of layer) {
      for (const link of middleOnes(linksOf(vertex, view))) {
        const at = placeIn(view, link.vertex);
        if (first.get(vertex) === vertex && last < at && !yielding.has(link.segment)) {
          first.set(vertex, first.get(link.vertex) ?? link.vertex);
          shift.set(vertex, (shift.get(link.vertex) ?? 0) + link.shift);
          last = at;
        }
      }
    }
  }
  return { first, shift };
}

const placeIn = ({ upsideDown }: View, vertex: Vertex): number => (upsideDown ? -vertex.order : vertex.order);

/** What leads to the layer that was seen before, in order; loose lines count where there are no others. */
function linksOf(vertex: Vertex, view: View): Link[] {
  const firm = vertex[view.side].filter(segment => !segment.loose);
  const links = (firm.length > 0 ? firm : vertex[view.side]).map(segment => {
    const [other, own, its] =
      view.side === 'into' ? [segment.tail, segment.to, segment.from] : [segment.head, segment.from, segment.to];
    const shift = view.upsideDown ? other.height - its - (vertex.height - own) : its - own;
    return { segment, vertex: other, shift };
  });
  return links.sort((one, other) => placeIn(view, one.vertex) - placeIn(view, other.vertex) || one.shift - other.shift);
}

function middleOnes(links: readonly Link[]): Link[] {
  const half = (links.length - 1) / 2;
  return links.slice(Math.floor(half), Math.ceil(half) + 1);
}

/** Blocks as high as those above them allow, then as low as those below do where there are any. */
function packed(view: View, blocks: Blocks, gap: number): Map<Vertex, number> {
  const { first, shift } = blocks;
  const tops = new Map<Vertex, number>();
  for (const [vertex, block] of first) {
    tops.set(block, Math.max(tops.get(block) ?? 0, -(shift.get(vertex) ?? 0)));
  }
  const below = followersOf(view, blocks, gap);
  const order = fromTheTop(tops.keys(), below);
  for (const upper of order) {
    for (const { block, room } of below.get(upper) ?? []) {
      tops.set(block, Math.max(tops.get(block) ?? 0, (tops.get(upper) ?? 0) + room));
    }
  }
  for (const upper of order.reverse()) {
    const lowest = Math.min(...(below.get(upper) ?? []).map(({ block, room }) => (tops.get(block) ?? 0) - room));
    if (lowest !== Infinity) {
      tops.set(upper, Math.max(tops.get(upper) ?? 0, lowest));
    }
  }
  return new Map(
    [...first].map(([vertex, block]) => {
      const top = (tops.get(block) ?? 0) + (shift.get(vertex) ?? 0);
      return [vertex, view.upsideDown ? -top - vertex.height : top];
    })
  );
}

type Followers = Map<Vertex, { block: Vertex; room: number }[]>;

/** Which blocks come directly below which, and how far at least. */
function followersOf(view: View, { first, shift }: Blocks, gap: number): Followers {
  const beside = (vertex: Vertex): number => (isBend(vertex) ? BESIDE_LINE : gap / 2);
  const below: Followers = new Map([...first.values()].map(block => [block, []]));
  for (const layer of view.layers) {
    layer.slice(1).forEach((vertex, index) => {
      const over = layer[index] as Vertex;
      const room = (shift.get(over) ?? 0) + over.height + beside(over) + beside(vertex) - (shift.get(vertex) ?? 0);
      below.get(first.get(over) as Vertex)?.push({ block: first.get(vertex) as Vertex, room });
    });
  }
  return below;
}

/** The blocks so that each comes after all that are above it. */
function fromTheTop(blocks: Iterable<Vertex>, below: Followers): Vertex[] {
  const above = new Map<Vertex, number>();
  for (const { block } of [...below.values()].flat()) {
    above.set(block, (above.get(block) ?? 0) + 1);
  }
  const order = [...blocks].filter(block => !above.has(block));
  for (const upper of order) {
    for (const { block } of below.get(upper) ?? []) {
      above.set(block, (above.get(block) ?? 0) - 1);
      if (above.get(block) === 0) {
        order.push(block);
      }
    }
  }
  return order;
}

/** The four beside one another: their tops in line, of those upside down their bottoms, with the flattest. */
function levelled(all: Map<Vertex, number>[], views: readonly View[]): Map<Vertex, number>[] {
  const ends = all.map(tops => ({
    top: Math.min(...tops.values()),
    bottom: Math.max(...[...tops].map(([vertex, top]) => top + vertex.height))
  }));
  const flattest = ends.reduce((one, other) => (other.bottom - other.top < one.bottom - one.top ? other : one));
  return all.map((tops, index) => {
    const own = ends[index] ?? flattest;
    const by = views[index]?.upsideDown ? flattest.bottom - own.bottom : flattest.top - own.top;
    return new Map([...tops].map(([vertex, top]) => [vertex, top + by]));
  });
}

function middle(all: readonly Map<Vertex, number>[]): Map<Vertex, number> {
  const [one = new Map<Vertex, number>()] = all;
  const tops = [...one.keys()].map(vertex => {
    const [, second = 0, third = 0] = all.map(each => each.get(vertex) ?? 0).sort((a, b) => a - b);
    return [vertex, (second + third) / 2] as const;
  });
  const highest = Math.min(...tops.map(([, top]) => top));
  return new Map(tops.map(([vertex, top]) => [vertex, top - highest]));
}

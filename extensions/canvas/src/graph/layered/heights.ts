/** How high boxes stand, after Brandes and Köpf (2001): four times each vertex is put in line with the
 * middle one of its neighbours, once for each side and direction, and packed; it stands between the
 * middle two. What is put in line are the ports (Rüegg and others, 2015), so that lines are straight. */
import type { Kind, Layers, Segment, Vertex } from './shape';

/** The room between what stands in one layer. */
export interface Room {
  /** Between boxes. */
  boxes: number;
  /** Between a frame's sides and the boxes in it. */
  top: number;
  bottom: number;
}

/** Room that a line which passes keeps on either side. */
const BESIDE_LINE = 6;
const BESIDE_FRAME = 10;

/** One of the four ways to look at the layers: from one side, and from the top or upside down. */
interface View {
  layers: Layers;
  side: 'into' | 'out';
  upsideDown: boolean;
}

/** Vertices in one line move together: by vertex the first of its line, and how far it is below that. */
interface Blocks {
  first: Int32Array;
  shift: Float64Array;
}

interface Link {
  segment: Segment;
  vertex: Vertex;
  /** How much lower this vertex has to stand than that one for a straight line. */
  shift: number;
}

/** The tops of all vertices, by their numbers; the highest is at 0. The sides of a frame are straight. */
export function topsOf(layers: Layers, room: Room): Float64Array {
  const all = layers.flat();
  all.forEach((vertex, index) => {
    vertex.index = index;
  });
  const yielding = yieldingIn(layers);
  const views = (['into', 'out'] as const).flatMap(side =>
    [false, true].map(upsideDown => ({ layers: seen(layers, side, upsideDown), side, upsideDown }))
  );
  const tops = views.map(view => packed(all, view, alignedIn(all.length, view, yielding), room));
  return middle(levelled(all, tops, views));
}

function seen(layers: Layers, side: View['side'], upsideDown: boolean): Layers {
  const rows = side === 'into' ? layers : [...layers].reverse();
  return upsideDown ? rows.map(row => [...row].reverse()) : rows;
}

/** Segments that cross the side of a frame, or the inner part of a long line: those are kept straight. */
function yieldingIn(layers: Layers): Set<Segment> {
  const found = new Set<Segment>();
  const framed = layers.some(layer => layer.some(vertex => vertex.kind === 'top'));
  for (const layer of layers.slice(1)) {
    if (framed) {
      crossing(layer, isSide, found);
    }
    crossing(layer, isInner, found);
  }
  return found;
}

/** Add those of a layer's segments that cross firmer ones. */
function crossing(layer: readonly Vertex[], isFirm: (segment: Segment) => boolean, found: Set<Segment>): void {
  let [done, low] = [0, 0];
  layer.forEach((vertex, index) => {
    const firm = vertex.into.find(segment => isFirm(segment) && !found.has(segment));
    const high = firm?.tail.order ?? Infinity;
    if (firm !== undefined || index === layer.length - 1) {
      for (const segment of layer.slice(done, index + 1).flatMap(one => one.into)) {
        const { order } = segment.tail;
        if (!isFirm(segment) && (order < low || order > high)) {
          found.add(segment);
        }
      }
      [done, low] = [index + 1, high];
    }
  });
}

const isBend = (vertex: Vertex): boolean => vertex.kind !== 'box';
const isInner = ({ tail, head, loose }: Segment): boolean => isBend(tail) && isBend(head) && !loose;
const isSide = ({ tail }: Segment): boolean => tail.kind === 'top' || tail.kind === 'bottom';

/** Put each vertex in line with the middle one of its neighbours, if no other line is in the way. */
function alignedIn(count: number, view: View, yielding: ReadonlySet<Segment>): Blocks {
  const first = new Int32Array(count).map((_, index) => index);
  const shift = new Float64Array(count);
  for (const layer of view.layers) {
    let last = -Infinity;
    for (const vertex of layer) {
      const { index } = vertex;
      for (const link of middleOnes(linksOf(vertex, view))) {
        const at = placeIn(view, link.vertex);
        if (first[index] === index && last < at && !yielding.has(link.segment)) {
          first[index] = of(first, link.vertex);
          shift[index] = of(shift, link.vertex) + link.shift;
          last = at;
        }
      }
    }
  }
  return { first, shift };
}

const of = (numbers: Int32Array | Float64Array, { index }: Vertex): number => numbers[index] ?? 0;
const placeIn = ({ upsideDown }: View, vertex: Vertex): number => (upsideDown ? -vertex.order : vertex.order);

/** What leads to the layer that was seen before, in order; loose lines count where there are no others. */
function linksOf(vertex: Vertex, view: View): Link[] {
  const all = vertex[view.side];
  const firm = all.length > 1 ? all.filter(segment => !segment.loose) : all;
  const links = (firm.length > 0 ? firm : all).map(segment => linkAlong(segment, vertex, view));
  return links.length < 2
    ? links
    : links.sort((one, other) => placeIn(view, one.vertex) - placeIn(view, other.vertex) || one.shift - other.shift);
}

function linkAlong(segment: Segment, vertex: Vertex, { side, upsideDown }: View): Link {
  const { tail, head, from, to } = segment;
  const [other, own, its] = side === 'into' ? [tail, to, from] : [head, from, to];
  const shift = upsideDown ? other.height - its - (vertex.height - own) : its - own;
  return { segment, vertex: other, shift };
}

function middleOnes(links: readonly Link[]): readonly Link[] {
  const half = (links.length - 1) / 2;
  return links.length < 2 ? links : links.slice(Math.floor(half), Math.ceil(half) + 1);
}

/** Blocks as high as those above them allow, then as low as those below do where there are any. */
function packed(all: readonly Vertex[], view: View, blocks: Blocks, room: Room): Float64Array {
  const { first, shift } = blocks;
  const tops = new Float64Array(all.length);
  first.forEach((block, index) => {
    tops[block] = Math.max(tops[block] ?? 0, -(shift[index] ?? 0));
  });
  const below = followersOf(all.length, view, blocks, room);
  const order = fromTheTop(first, below);
  for (const upper of order) {
    for (const { block, room: least } of below[upper] ?? []) {
      tops[block] = Math.max(tops[block] ?? 0, (tops[upper] ?? 0) + least);
    }
  }
  for (const upper of order.reverse()) {
    const followers = below[upper] ?? [];
    if (followers.length > 0) {
      const lowest = Math.min(...followers.map(({ block, room: least }) => (tops[block] ?? 0) - least));
      tops[upper] = Math.max(tops[upper] ?? 0, lowest);
    }
  }
  return tops.map((_, index) => {
    const top = (tops[first[index] ?? 0] ?? 0) + (shift[index] ?? 0);
    return view.upsideDown ? -top - (all[index]?.height ?? 0) : top;
  });
}

/** By block: those that come directly below it, and how far at least. */
type Followers = { block: number; room: number }[][];

function followersOf(count: number, view: View, { first, shift }: Blocks, room: Room): Followers {
  const rooms = roomsOf(room);
  const below: Followers = Array.from({ length: count }, () => []);
  for (const layer of view.layers) {
    for (let index = 1; index < layer.length; index += 1) {
      const [over, vertex] = [layer[index - 1] as Vertex, layer[index] as Vertex];
      const between = view.upsideDown ? rooms[vertex.kind][over.kind] : rooms[over.kind][vertex.kind];
      below[of(first, over)]?.push({
        block: of(first, vertex),
        room: of(shift, over) + over.height + between - of(shift, vertex)
      });
    }
  }
  return below;
}

/** How much room is between what is above and what is below it. */
export function roomsOf({ boxes, top, bottom }: Room): Record<Kind, Record<Kind, number>> {
  const beside = boxes / 2;
  return {
    box: { box: boxes, bend: beside + BESIDE_LINE, top: beside, bottom },
    bend: { box: beside + BESIDE_LINE, bend: 2 * BESIDE_LINE, top: BESIDE_FRAME, bottom: BESIDE_FRAME },
    top: { box: top, bend: top, top: 0, bottom: top + bottom },
    bottom: { box: beside, bend: BESIDE_FRAME, top: beside, bottom: 0 }
  };
}

/** The blocks so that each comes after all that are above it. */
function fromTheTop(first: Int32Array, below: Followers): number[] {
  const above = new Int32Array(first.length);
  below.forEach(followers =>
    followers.forEach(({ block }) => {
      above[block] = (above[block] ?? 0) + 1;
    })
  );
  const order: number[] = [];
  first.forEach((block, index) => {
    if (block === index && above[block] === 0) {
      order.push(block);
    }
  });
  for (const upper of order) {
    for (const { block } of below[upper] ?? []) {
      above[block] = (above[block] ?? 0) - 1;
      if (above[block] === 0) {
        order.push(block);
      }
    }
  }
  return order;
}

/** The four beside one another: their tops in line, of those upside down their bottoms, with the flattest. */
function levelled(all: readonly Vertex[], tops: readonly Float64Array[], views: readonly View[]): Float64Array[] {
  const ends = tops.map(own => {
    let [top, bottom] = [Infinity, -Infinity];
    all.forEach((vertex, index) => {
      top = Math.min(top, own[index] ?? 0);
      bottom = Math.max(bottom, (own[index] ?? 0) + vertex.height);
    });
    return { top, bottom };
  });
  const flattest = ends.reduce((one, other) => (other.bottom - other.top < one.bottom - one.top ? other : one));
  return tops.map((own, index) => {
    const { top, bottom } = ends[index] ?? flattest;
    const by = views[index]?.upsideDown ? flattest.bottom - bottom : flattest.top - top;
    return own.map(each => each + by);
  });
}

function middle(tops: readonly Float64Array[]): Float64Array {
  const [one = new Float64Array()] = tops;
  const middles = one.map((_, index) => {
    const [, second = 0, third = 0] = tops.map(each => each[index] ?? 0).sort((a, b) => a - b);
    return (second + third) / 2;
  });
  const highest = middles.reduce((least, top) => Math.min(least, top), Infinity);
  return middles.map(top => top - highest);
}

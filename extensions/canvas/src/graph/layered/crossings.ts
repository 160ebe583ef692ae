/** How often lines cross. They are told apart by their ports. */
import type { Layers, Segment, Vertex } from './shape';

/** Crossings of loose lines are the lesser evil. */
const WEIGHT = { firm: 4, loose: 1 };

/** Where a segment's end stands in its layer, in units of places. */
function standing(vertex: Vertex, offset: number): number {
  return vertex.order + (vertex.height === 0 ? 0.5 : (0.9 * offset) / vertex.height);
}

export const tailOf = (segment: Segment): number => standing(segment.tail, segment.from);
export const headOf = (segment: Segment): number => standing(segment.head, segment.to);
export const weightOf = (segment: Segment): number => (segment.loose ? WEIGHT.loose : WEIGHT.firm);

/** The crossings of the lines of two neighbours, if one stood above the other. */
export function between(upper: readonly Vertex[], lower: readonly Vertex[]): number {
  const count = (side: 'into' | 'out', end: (segment: Segment) => number): number => {
    let sum = 0;
    for (const above of upper) {
      for (const one of above[side]) {
        const [at, weight] = [end(one), weightOf(one)];
        for (const below of lower) {
          for (const other of below[side]) {
            sum += at > end(other) ? weight * weightOf(other) : 0;
          }
        }
      }
    }
    return sum;
  };
  return count('into', tailOf) + count('out', headOf);
}

/** The weight of all crossings: inversions, counted with a Fenwick tree layer by layer. In what order the
 * vertices of a layer come makes no difference: they know their places. */
export function crossings(layers: Layers): number {
  let total = 0;
  for (const layer of layers) {
    const ends: Ends[] = [];
    for (const vertex of layer) {
      for (const segment of vertex.out) {
        ends.push({ tail: tailOf(segment), head: headOf(segment), weight: weightOf(segment) });
      }
    }
    total += inversions(ends);
  }
  return total;
}

interface Ends {
  tail: number;
  head: number;
  weight: number;
}

function inversions(segments: Ends[]): number {
  const heads = new Float64Array(segments.map(({ head }) => head)).sort();
  const tree = new Float64Array(heads.length + 1);
  const add = (at: number, weight: number): void => {
    for (let index = at; index < tree.length; index += index & -index) {
      tree[index] = (tree[index] ?? 0) + weight;
    }
  };
  const upTo = (at: number): number => {
    let sum = 0;
    for (let index = at; index > 0; index -= index & -index) {
      sum += tree[index] ?? 0;
    }
    return sum;
  };
  // Those that begin at one port cross nowhere: they are entered from the lowest head up.
  segments.sort((one, other) => one.tail - other.tail || one.head - other.head);
  let [total, entered] = [0, 0];
  for (const { head, weight } of segments) {
    const at = notAfter(heads, head);
    total += weight * (entered - upTo(at));
    add(at, weight);
    entered += weight;
  }
  return total;
}

/** How many of the sorted numbers are not greater than one. */
function notAfter(sorted: Float64Array, one: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) <= one) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

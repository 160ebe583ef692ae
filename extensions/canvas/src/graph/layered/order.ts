/** The order within the layers: that with the fewest crossings that sweeps by barycentres and
 * exchanges of neighbours find. Lines are told apart by their ports. */
import type { Layers, Segment, Vertex } from './shape';

const SWEEPS = 12;
const EXCHANGES = 4;
/** Crossings of loose lines are the lesser evil. */
const WEIGHT = { firm: 4, loose: 1 };

export function untangled(layers: Layers): Layers {
  let best = layers;
  let fewest = crossings(layers);
  let now = layers;
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep += 1) {
    now = now.map(layer => [...layer]);
    const side = sweep % 2 === 0 ? 'into' : 'out';
    (side === 'into' ? now : [...now].reverse()).forEach(layer => sortBy(layer, side));
    exchange(now);
    const count = crossings(now);
    if (count < fewest) {
      [best, fewest] = [now, count];
    }
  }
  best.forEach(number);
  return best;
}

/** Where a segment's end stands in its layer, in units of places. */
function standing(vertex: Vertex, offset: number): number {
  return vertex.order + (vertex.height === 0 ? 0.5 : (0.9 * offset) / vertex.height);
}

const tailOf = (segment: Segment): number => standing(segment.tail, segment.from);
const headOf = (segment: Segment): number => standing(segment.head, segment.to);
const weightOf = (segment: Segment): number => (segment.loose ? WEIGHT.loose : WEIGHT.firm);

/** Sort a layer by where its neighbours on one side stand; what has none there keeps its place. */
function sortBy(layer: Vertex[], side: 'into' | 'out'): void {
  const linked = layer.filter(vertex => vertex[side].length > 0);
  const slots = linked.map(vertex => vertex.order);
  const end = side === 'into' ? tailOf : headOf;
  const wishes = new Map(linked.map(vertex => [vertex, mean(vertex[side], end)]));
  linked.sort((one, other) => (wishes.get(one) ?? 0) - (wishes.get(other) ?? 0));
  linked.forEach((vertex, index) => {
    layer[slots[index] ?? 0] = vertex;
  });
  number(layer);
}

function mean(segments: readonly Segment[], end: (segment: Segment) => number): number {
  const weights = segments.map(weightOf);
  const sum = segments.reduce((total, segment, index) => total + end(segment) * (weights[index] ?? 0), 0);
  return sum / weights.reduce((total, weight) => total + weight, 0);
}

/** Let neighbours change places as long as that takes crossings away. */
function exchange(layers: Layers): void {
  for (let round = 0, better = true; better && round < EXCHANGES; round += 1) {
    better = false;
    for (const layer of layers) {
      for (let index = 1; index < layer.length; index += 1) {
        const [upper, lower] = [layer[index - 1] as Vertex, layer[index] as Vertex];
        if (between(lower, upper) < between(upper, lower)) {
          layer[index - 1] = lower;
          layer[index] = upper;
          [lower.order, upper.order] = [index - 1, index];
          better = true;
        }
      }
    }
  }
}

/** The crossings of the lines of two neighbours, if one stood above the other. */
function between(upper: Vertex, lower: Vertex): number {
  const count = (side: 'into' | 'out', end: (segment: Segment) => number): number =>
    upper[side].reduce(
      (sum, one) =>
        sum + lower[side].reduce((total, other) => total + (end(one) > end(other) ? weightOf(one) * weightOf(other) : 0), 0),
      0
    );
  return count('into', tailOf) + count('out', headOf);
}

/** The weight of all crossings: inversions, counted with a Fenwick tree layer by layer. */
export function crossings(layers: Layers): number {
  return layers.reduce((total, layer) => total + inversions(layer.flatMap(vertex => vertex.out)), 0);
}

function inversions(segments: Segment[]): number {
  const heads = [...new Set(segments.map(headOf))].sort((one, other) => one - other);
  const place = new Map(heads.map((head, index) => [head, index + 1]));
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
  segments.sort((one, other) => tailOf(one) - tailOf(other) || headOf(one) - headOf(other));
  let [total, entered] = [0, 0];
  for (const segment of segments) {
    const at = place.get(headOf(segment)) ?? 0;
    total += weightOf(segment) * (entered - upTo(at));
    add(at, weightOf(segment));
    entered += weightOf(segment);
  }
  return total;
}

function number(layer: readonly Vertex[]): void {
  layer.forEach((vertex, index) => {
    vertex.order = index;
  });
}

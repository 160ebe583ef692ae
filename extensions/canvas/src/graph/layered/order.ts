/** The order within the layers: that with the fewest crossings that sweeps by barycentres and exchanges of
 * neighbours find. What a frame holds stands together in each layer, and what is above a frame in one layer is
 * above it in the next (Forster, 2002): so a frame can be drawn around it. */
import { between, crossings, headOf, tailOf, weightOf } from './crossings';
import { inItems, placeOf, renumber, type Item, type Side } from './items';
import type { Layers, Vertex } from './shape';

const SWEEPS = 12;
const EXCHANGES = 4;
/** How a frame draws its part in the next layer after itself, beside its lines. */
const FRAME_WEIGHT = 4;

/** The layers as the items that they hold, from the top. */
export function untangled(layers: Layers): Item[][] {
  const now = inItems(layers);
  now.forEach(begin);
  let best = copied(now);
  let fewest = crossings(layers);
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep += 1) {
    const side = sweep % 2 === 0 ? 'into' : 'out';
    (side === 'into' ? now : [...now].reverse()).forEach(layer => sortBy(layer, side));
    exchange(now);
    const count = crossings(layers);
    if (count < fewest) {
      [best, fewest] = [copied(now), count];
    }
  }
  best.forEach(renumber);
  return best;
}

function copied(layers: readonly Item[][]): Item[][] {
  return layers.map(layer => layer.map(item => ({ ...item, vertices: [...item.vertices] })));
}

/** As they stand, but where frames run. */
function begin(layer: Item[]): void {
  renumber(layer);
  layer.forEach(item => {
    item.wish = placeOf(item);
  });
  arrange(layer, 'into');
}

/** Sort a layer by where its neighbours on one side stand; what has none there keeps its place. */
function sortBy(layer: Item[], side: Side): void {
  for (const item of layer) {
    const origin = item.frame === null ? null : item[side];
    let weights = origin === null ? 0 : FRAME_WEIGHT;
    let sum = origin === null ? 0 : (placeOf(origin) + origin.vertices.length / 2) * FRAME_WEIGHT;
    for (const vertex of item.vertices) {
      const [own, weight] = pull(vertex, side);
      sum += own;
      weights += weight;
    }
    item.wish = weights === 0 ? null : sum / weights;
    if (item.vertices.length > 1) {
      sortWithin(item.vertices, side);
    }
  }
  arrange(layer, side);
}

/** The sum of where a vertex's neighbours on one side stand, and the sum of their weights. */
function pull(vertex: Vertex, side: Side): [sum: number, weights: number] {
  let [sum, weights] = [0, 0];
  for (const segment of vertex[side]) {
    const weight = weightOf(segment);
    sum += (side === 'into' ? tailOf(segment) : headOf(segment)) * weight;
    weights += weight;
  }
  return [sum, weights];
}

function sortWithin(vertices: Vertex[], side: Side): void {
  const wishes = new Map<Vertex, number>();
  for (const vertex of vertices) {
    const [sum, weights] = pull(vertex, side);
    if (weights > 0) {
      wishes.set(vertex, sum / weights);
    }
  }
  const wish = (vertex: Vertex): number => wishes.get(vertex) ?? 0;
  sortSome(vertices, vertex => wishes.has(vertex), (one, other) => wish(one) - wish(other));
}

/** Put a layer in the order of the wishes, as far as frames that run on to one side allow. */
function arrange(layer: Item[], side: Side): void {
  for (const item of layer) {
    const origin = item[side];
    item.tie = origin === null ? (item.wish ?? 0) : placeOf(origin);
  }
  const frames = layer.filter(item => item.frame !== null && item[side] !== null);
  if (frames.length > 0) {
    holdFrames(frames.sort((one, other) => one.tie - other.tie));
    for (const item of layer) {
      if (item.frame === null && item[side] !== null && item.wish !== null) {
        holdBend(item, item.wish, frames);
      }
    }
  }
  sortSome(layer, item => item.wish !== null, (one, other) => (one.wish ?? 0) - (other.wish ?? 0) || one.tie - other.tie);
  renumber(layer);
}

/** Where wishes would make frames change places, these share the mean of them (pooled adjacent violators). */
function holdFrames(frames: readonly Item[]): void {
  const pools: { wish: number; items: Item[] }[] = [];
  for (const item of frames) {
    let pool = { wish: item.wish ?? 0, items: [item] };
    for (let above = pools.at(-1); above !== undefined && above.wish > pool.wish; above = pools.at(-1)) {
      pools.pop();
      const [many, few] = [above.items.length, pool.items.length];
      pool = { wish: (above.wish * many + pool.wish * few) / (many + few), items: [...above.items, ...pool.items] };
    }
    pools.push(pool);
  }
  pools.forEach(({ wish, items }) =>
    items.forEach(item => {
      item.wish = wish;
    })
  );
}

/** A line that passes frames stays between those that it ran between. */
function holdBend(bend: Item, wish: number, frames: readonly Item[]): void {
  const above = frames.filter(({ tie }) => tie < bend.tie).length;
  const [least, most] = [frames[above - 1]?.wish ?? -Infinity, frames[above]?.wish ?? Infinity];
  bend.wish = Math.min(Math.max(wish, least), most);
}

/** Sort some, into the places that they have now. */
function sortSome<T>(all: T[], isOne: (item: T) => boolean, compare: (one: T, other: T) => number): void {
  const some = all.filter(isOne).sort(compare);
  let next = 0;
  all.forEach((item, index) => {
    if (isOne(item)) {
      all[index] = some[next] as T;
      next += 1;
    }
  });
}

/** Let neighbours change places as long as that takes crossings away. */
function exchange(layers: readonly Item[][]): void {
  for (let round = 0, better = true; better && round < EXCHANGES; round += 1) {
    better = false;
    for (const layer of layers) {
      for (const { vertices } of layer) {
        for (let index = 1; index < vertices.length; index += 1) {
          const [upper, lower] = [vertices[index - 1] as Vertex, vertices[index] as Vertex];
          if (exchanged([upper], [lower])) {
            vertices[index - 1] = lower;
            vertices[index] = upper;
            better = true;
          }
        }
      }
      for (let index = 1; index < layer.length; index += 1) {
        const [upper, lower] = [layer[index - 1] as Item, layer[index] as Item];
        if (!areHeld(upper, lower) && exchanged(upper.vertices, lower.vertices)) {
          layer[index - 1] = lower;
          layer[index] = upper;
          better = true;
        }
      }
    }
  }
}

/** Whether the order of two neighbours follows from that in the next layer. */
function areHeld(upper: Item, lower: Item): boolean {
  const goOn = (side: Side): boolean => upper[side] !== null && lower[side] !== null;
  return (upper.frame !== null || lower.frame !== null) && (goOn('into') || goOn('out'));
}

/** Whether it took crossings away that neighbours changed places; if not, they stand as before. */
function exchanged(upper: readonly Vertex[], lower: readonly Vertex[]): boolean {
  if (between(lower, upper) >= between(upper, lower)) {
    return false;
  }
  const first = upper[0]?.order ?? 0;
  [...lower, ...upper].forEach((vertex, index) => {
    vertex.order = first + index;
  });
  return true;
}

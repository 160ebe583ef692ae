/** Layers as what stands in them: the part of a frame, or a vertex alone. */
import type { Layers, Span, Vertex } from './shape';

export interface Item {
  readonly frame: Span | null;
  readonly vertices: Vertex[];
  /** What it goes on with in the layer before and in the one after: another part of its frame, or the next
   * bend of its line. Where frames run, such things keep their order. */
  into: Item | null;
  out: Item | null;
  /** Where it would like to stand; null: where it does. */
  wish: number | null;
  /** What decides between equal wishes. */
  tie: number;
}

export type Side = 'into' | 'out';

/** What belongs together put together, where the middle of it stands. */
export function inItems(layers: Layers): Item[][] {
  const items = layers.map(layer => {
    const parts = new Map<Span | Vertex, Vertex[]>();
    for (const vertex of layer) {
      const part = parts.get(vertex.frame ?? vertex);
      if (part === undefined) {
        parts.set(vertex.frame ?? vertex, [vertex]);
      } else {
        part.push(vertex);
      }
    }
    return [...parts.values()]
      .map((vertices): [number, Item] => [
        vertices.reduce((sum, { order }) => sum + order, 0) / vertices.length,
        { frame: vertices[0]?.frame ?? null, vertices, into: null, out: null, wish: null, tie: 0 }
      ])
      .sort(([one], [other]) => one - other)
      .map(([, item]) => item);
  });
  items.forEach((layer, rank) => connect(items[rank - 1] ?? [], layer));
  return items;
}

export const placeOf = ({ vertices }: Item): number => vertices[0]?.order ?? 0;

export function renumber(layer: readonly Item[]): void {
  let next = 0;
  for (const { vertices } of layer) {
    for (const vertex of vertices) {
      vertex.order = next;
      next += 1;
    }
  }
}

function connect(before: readonly Item[], layer: readonly Item[]): void {
  const known = new Map(before.map(item => [item.frame ?? item.vertices[0], item]));
  for (const item of layer) {
    const origin = known.get(item.frame ?? bendBefore(item.vertices[0]));
    if (origin !== undefined) {
      item.into = origin;
      origin.out = item;
    }
  }
}

/** The bend before the bend of a line, if both stand in no frame. */
function bendBefore(vertex: Vertex | undefined): Vertex | undefined {
  const [segment] = vertex?.into ?? [];
  const isBend = vertex?.kind === 'bend' && segment?.tail.kind === 'bend' && segment.tail.frame === null;
  return isBend && !segment.loose ? segment.tail : undefined;
}

/** What is laid out, as the steps of the layout hand it on. */

/** A box, the bend of a line where it passes a layer, or a side of a frame where it passes one. */
export type Kind = 'box' | 'bend' | 'top' | 'bottom';

/** The layers that the boxes of one frame stand in. */
export interface Span {
  first: number;
  last: number;
}

export interface Vertex {
  readonly kind: Kind;
  readonly width: number;
  readonly height: number;
  /** The frame that it stands in; null: in none. */
  frame: Span | null;
  /** Its layer. */
  rank: number;
  /** Its place within the layer, from the top. */
  order: number;
  /** Its number among all vertices, once there are no more to come. */
  index: number;
  readonly into: Segment[];
  readonly out: Segment[];
}

/** A line, or its part between two neighbouring layers. */
export interface Segment {
  readonly tail: Vertex;
  readonly head: Vertex;
  /** How far below their tops it leaves its tail and reaches its head. */
  readonly from: number;
  readonly to: number;
  /** Gives way to others: it turns no order around and draws nothing to its ends. */
  readonly loose: boolean;
}

export type Layers = Vertex[][];

export function newVertex(kind: Kind, width = 0, height = 0): Vertex {
  return { kind, width, height, frame: null, rank: 0, order: 0, index: 0, into: [], out: [] };
}

/** Let a segment be found from its ends. */
export function join(segment: Segment): void {
  segment.tail.out.push(segment);
  segment.head.into.push(segment);
}

export function number(layer: readonly Vertex[]): void {
  layer.forEach((vertex, index) => {
    vertex.order = index;
  });
}

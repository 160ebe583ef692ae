/** What is laid out, as the steps of the layout hand it on. */

/** A box with a name, or the bend of a line that passes a layer, which has none. */
export interface Vertex {
  readonly box: string | null;
  readonly width: number;
  readonly height: number;
  /** Its layer. */
  rank: number;
  /** Its place within the layer, from the top. */
  order: number;
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

export function newVertex(box: string | null, width: number, height: number): Vertex {
  return { box, width, height, rank: 0, order: 0, into: [], out: [] };
}

/** Let a segment be found from its ends. */
export function join(segment: Segment): void {
  segment.tail.out.push(segment);
  segment.head.into.push(segment);
}

/** How large nodes are, and where on them lines begin and end. */
import type { Edge, Graph, Node } from './graph';
import type { Point } from './layered/layered';

export type { Point };

export interface Size {
  width: number;
  height: number;
}

export type Box = Point & Size;
export type Places = ReadonlyMap<string, Point>;

/** What stands between nodes at least. */
export const GAP = { x: 56, y: 48 };
/** What stands between a frame's sides and the nodes in it; above them is its title. */
export const PADDING = { x: 18, top: 30, bottom: 16 };
const ROW = 20;
const STEP = { width: 188, height: 58 };
const SPOOL = { width: 152, height: 48 };

export function sizeOf(node: Node): Size {
  if (node.kind === 'spool') {
    return SPOOL;
  }
  const ports = portNames(node).length;
  const rows = Math.max(ports > 1 ? ports : 0, node.inputs.length);
  const chips = hasChips(node) ? ROW + 4 : 0;
  return { width: STEP.width, height: STEP.height + chips + rows * ROW };
}

/** Whether a step has more to show than its name and body. */
export function hasChips(node: Node): boolean {
  return (
    node.kind === 'step' &&
    (node.group !== 'default' || node.replicas > 1 || node.trigger !== '' || node.frame !== '' || node.paused)
  );
}

/** How far below its top a node's ports and inputs are; `in` is where what has no name comes in. */
export interface Joints {
  inputs: ReadonlyMap<string, number>;
  outputs: ReadonlyMap<string, number>;
}

export function jointsOf(node: Node): Joints {
  const middle = (node.kind === 'spool' ? SPOOL.height : STEP.height) / 2;
  if (node.kind === 'spool') {
    return { inputs: new Map([['in', middle]]), outputs: new Map([['out', middle]]) };
  }
  const top = STEP.height + (hasChips(node) ? ROW + 4 : 0) - 4;
  const row = (index: number): number => top + index * ROW + ROW / 2;
  const ports = portNames(node);
  return {
    inputs: new Map([['in', middle], ...node.inputs.map((name, index) => [`in:${name}`, row(index)] as const)]),
    outputs: new Map(ports.map((name, index) => [name, ports.length > 1 ? row(index) : middle]))
  };
}

/** The ports that a step shows; that of its rejects, where somebody reads them. */
export function portNames(node: Node): string[] {
  return node.kind === 'spool' ? ['out'] : [...node.ports.map(port => port.name), ...(node.rejects ? ['rejects'] : [])];
}

/** How far below the tops of its ends an edge begins and ends. */
export function jointsAlong({ kind, port, input }: Edge, tail: Node, head: Node): { from: number; to: number } {
  return kind === 'message'
    ? { from: sizeOf(tail).height, to: 0 }
    : {
        from: jointsOf(tail).outputs.get(port ?? 'out') ?? 0,
        to: jointsOf(head).inputs.get(input === null ? 'in' : `in:${input}`) ?? 0
      };
}

/** The box around all nodes and frames; null: there are none. */
export function boundsOf({ nodes, regions }: Graph, places: Places): Box | null {
  const framed = new Set(regions.flatMap(region => region.nodes));
  return around(boxesOf(nodes, places).map(box => (framed.has(box.id) ? padded(box) : box)));
}

/** The box around boxes; null: there are none. */
export function around(boxes: readonly Box[]): Box | null {
  if (boxes.length === 0) {
    return null;
  }
  const x = Math.min(...boxes.map(box => box.x));
  const y = Math.min(...boxes.map(box => box.y));
  const width = Math.max(...boxes.map(box => box.x + box.width)) - x;
  const height = Math.max(...boxes.map(box => box.y + box.height)) - y;
  return { x, y, width, height };
}

/** A node's box with the part of a frame that is around it. */
export function padded({ x, y, width, height }: Box): Box {
  return {
    x: x - PADDING.x,
    y: y - PADDING.top,
    width: width + 2 * PADDING.x,
    height: height + PADDING.top + PADDING.bottom
  };
}

export function overlap(one: Box, other: Box, margin = 0): boolean {
  return (
    one.x < other.x + other.width + margin &&
    other.x < one.x + one.width + margin &&
    one.y < other.y + other.height + margin &&
    other.y < one.y + one.height + margin
  );
}

export function boxesOf(nodes: readonly Node[], places: Places): (Box & { id: string })[] {
  return nodes.flatMap(node => {
    const place = places.get(node.id);
    return place === undefined ? [] : [{ id: node.id, ...place, ...sizeOf(node) }];
  });
}

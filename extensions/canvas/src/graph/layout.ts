/** Where nodes stand. What the document says under `ui` holds; the rest is laid out, left to right. */
import type { Document } from '../editor/model';
import type { Op } from '../protocol';
import { mapping } from './document';
import type { Edge, Graph, Node } from './graph';
import { layered } from './layered/layered';
import { put, remove, valueAt } from './ops';

export interface Point {
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

export type Places = ReadonlyMap<string, Point>;

export const GAP = { x: 56, y: 48 };
const ROW = 20;
const STEP = { width: 188, height: 58 };
const SPOOL = { width: 152, height: 48 };
const LETTER = 6.2;
/** How much wider than high a screen is. */
const SCREEN = 1.6;

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

/** Where the document says that nodes stand. */
export function fixedPlaces(document: Document, nodes: readonly Node[]): Map<string, Point> {
  const places = new Map<string, Point>();
  for (const node of nodes) {
    const { x, y } = mapping(valueAt(document, placePath(node)));
    if (typeof x === 'number' && typeof y === 'number') {
      places.set(node.id, { x, y });
    }
  }
  return places;
}

/** A place for every node. Those in `known` keep theirs, so that nothing jumps while one edits. */
export function placesOf(graph: Graph, known: Places): Map<string, Point> {
  const missing = graph.nodes.filter(node => !known.has(node.id));
  const kept = graph.nodes.flatMap(node => {
    const place = known.get(node.id);
    return place === undefined ? [] : [[node.id, place] as const];
  });
  if (missing.length === 0) {
    return new Map(kept);
  }
  return kept.length === 0 ? laidOut(graph) : besides(graph, missing, new Map(kept));
}

/** The whole graph in layers; pieces that nothing joins stand one below the other, and many of them in
 * columns, so that the whole is about as wide as a screen. */
export function laidOut(graph: Graph): Map<string, Point> {
  const pieces = piecesOf(graph).map(blockOf);
  const area = pieces.reduce((sum, { width, height }) => sum + (width + GAP.x) * (height + GAP.y), 0);
  const least = Math.max(Math.sqrt(area / SCREEN), ...pieces.map(({ height }) => height));
  const places = new Map<string, Point>();
  const at = { x: 0, y: 0 };
  let wide = 0;
  for (const { places: own, width, height } of pieces) {
    if (at.y + height > least) {
      at.x += wide + 2 * GAP.x;
      [at.y, wide] = [0, 0];
    }
    own.forEach(({ x, y }, id) => places.set(id, { x: x + at.x, y: y + at.y }));
    at.y += height + GAP.y;
    wide = Math.max(wide, width);
  }
  return places;
}

/** A piece in layers, from the origin on. */
function blockOf(piece: Graph): Size & { places: Map<string, Point> } {
  const places = standing(piece);
  const boxes = piece.nodes.map(node => ({ ...(places.get(node.id) as Point), ...sizeOf(node) }));
  const left = Math.min(...boxes.map(({ x }) => x));
  const top = Math.min(...boxes.map(({ y }) => y));
  return {
    places: new Map([...places].map(([id, { x, y }]) => [id, { x: x - left, y: y - top }])),
    width: Math.max(...boxes.map(({ x, width }) => x + width)) - left,
    height: Math.max(...boxes.map(({ y, height }) => y + height)) - top
  };
}

/** The graph's connected pieces, in the order of their first nodes. */
function piecesOf(graph: Graph): Graph[] {
  const touching = new Map<string, Edge[]>(graph.nodes.map(node => [node.id, []]));
  for (const edge of graph.edges) {
    touching.get(edge.tail)?.push(edge);
    touching.get(edge.head)?.push(edge);
  }
  const pieceOf = new Map<string, number>();
  let count = 0;
  for (const { id } of graph.nodes) {
    if (!pieceOf.has(id)) {
      const waiting = [id];
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        if (!pieceOf.has(next)) {
          pieceOf.set(next, count);
          waiting.push(...(touching.get(next) ?? []).flatMap(edge => [edge.tail, edge.head]));
        }
      }
      count += 1;
    }
  }
  const pieces = Array.from({ length: count }, () => ({ nodes: [] as Node[], edges: [] as Edge[], regions: [] }));
  graph.nodes.forEach(node => pieces[pieceOf.get(node.id) ?? 0]?.nodes.push(node));
  graph.edges.forEach(edge => pieces[pieceOf.get(edge.tail) ?? 0]?.edges.push(edge));
  return pieces;
}

function standing(graph: Graph): Map<string, Point> {
  const nodes = new Map(graph.nodes.map(node => [node.id, { size: sizeOf(node), joints: jointsOf(node) }]));
  const lines = graph.edges.map(({ tail, head, kind, port, input, label }) => {
    const [start, end] = [nodes.get(tail), nodes.get(head)];
    const message = kind === 'message';
    return {
      tail,
      head,
      from: message ? (start?.size.height ?? 0) : (start?.joints.outputs.get(port ?? 'out') ?? 0),
      to: message ? 0 : (end?.joints.inputs.get(input === null ? 'in' : `in:${input}`) ?? 0),
      label: Math.round(label.length * LETTER),
      // A message may lead back; it must not turn the order of the data around.
      loose: message
    };
  });
  return layered([...nodes].map(([id, { size }]) => ({ id, ...size })), lines, GAP);
}

/** Few new nodes stand behind what they read, or before what they feed; many are laid out among
 * themselves, below the rest. */
function besides(graph: Graph, missing: readonly Node[], places: Map<string, Point>): Map<string, Point> {
  const sizes = new Map(graph.nodes.map(node => [node.id, sizeOf(node)]));
  const waiting = [...missing];
  for (let stuck = 0; waiting.length > 0 && stuck < waiting.length; ) {
    const node = waiting.shift() as Node;
    const place = neighbourly(node, graph.edges, places, sizes);
    if (place === null) {
      waiting.push(node);
      stuck += 1;
    } else {
      places.set(node.id, freePlace(place, sizeOf(node), places, sizes));
      stuck = 0;
    }
  }
  const loose = new Set(waiting.map(node => node.id));
  const island = laidOut({
    nodes: waiting,
    edges: graph.edges.filter(edge => loose.has(edge.tail) && loose.has(edge.head)),
    regions: []
  });
  const low = Math.max(...[...places].map(([id, place]) => place.y + (sizes.get(id)?.height ?? 0)));
  const left = Math.min(...[...places.values()].map(place => place.x));
  for (const [id, { x, y }] of island) {
    places.set(id, { x: left + x, y: low + GAP.y + y });
  }
  return places;
}

function neighbourly(
  node: Node,
  edges: readonly Edge[],
  places: Places,
  sizes: ReadonlyMap<string, Size>
): Point | null {
  for (const edge of edges) {
    const before = edge.head === node.id ? places.get(edge.tail) : undefined;
    if (before !== undefined) {
      return { x: before.x + (sizes.get(edge.tail)?.width ?? 0) + GAP.x, y: before.y };
    }
    const after = edge.tail === node.id ? places.get(edge.head) : undefined;
    if (after !== undefined) {
      return { x: after.x - sizeOf(node).width - GAP.x, y: after.y };
    }
  }
  return null;
}

/** The nearest place straight below that no node covers. */
export function freePlace(wanted: Point, size: Size, places: Places, sizes: ReadonlyMap<string, Size>): Point {
  const place = { ...wanted };
  for (let moved = true; moved; ) {
    moved = false;
    for (const [id, other] of places) {
      const taken = sizes.get(id);
      if (taken !== undefined && overlaps(place, size, other, taken)) {
        place.y = other.y + taken.height + GAP.y;
        moved = true;
      }
    }
  }
  return place;
}

function overlaps(one: Point, size: Size, other: Point, taken: Size): boolean {
  const margin = 8;
  return (
    one.x < other.x + taken.width + margin &&
    other.x < one.x + size.width + margin &&
    one.y < other.y + taken.height + margin &&
    other.y < one.y + size.height + margin
  );
}

/** The changes that make nodes stand where they are shown. */
export function placeOps(nodes: readonly Node[], places: Places): Op[] {
  return nodes.flatMap(node => {
    const place = places.get(node.id);
    return place === undefined
      ? []
      : [put(placePath(node), { x: Math.round(place.x), y: Math.round(place.y) })];
  });
}

/** The changes that forget where nodes stand. */
export function unplaceOps(document: Document, nodes: readonly Node[]): Op[] {
  return nodes
    .map(placePath)
    .filter(path => valueAt(document, path) !== undefined)
    .map(remove);
}

export type Side = 'left' | 'right' | 'top' | 'bottom' | 'middle' | 'row';

/** The nodes' places, with one side in line. */
export function aligned(nodes: readonly Node[], places: Places, side: Side): Map<string, Point> {
  const boxes = nodes.flatMap(node => {
    const place = places.get(node.id);
    return place === undefined ? [] : [{ id: node.id, ...place, ...sizeOf(node) }];
  });
  const to = {
    left: Math.min(...boxes.map(box => box.x)),
    right: Math.max(...boxes.map(box => box.x + box.width)),
    top: Math.min(...boxes.map(box => box.y)),
    bottom: Math.max(...boxes.map(box => box.y + box.height)),
    middle: mean(boxes.map(box => box.x + box.width / 2)),
    row: mean(boxes.map(box => box.y + box.height / 2))
  }[side];
  return new Map(boxes.map(box => [box.id, alongside(box, side, to)]));
}

function alongside(box: Point & Size, side: Side, to: number): Point {
  switch (side) {
    case 'left':
      return { x: to, y: box.y };
    case 'right':
      return { x: to - box.width, y: box.y };
    case 'middle':
      return { x: to - box.width / 2, y: box.y };
    case 'top':
      return { x: box.x, y: to };
    case 'bottom':
      return { x: box.x, y: to - box.height };
    case 'row':
      return { x: box.x, y: to - box.height / 2 };
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
}

function placePath(node: Node): string[] {
  return ['ui', node.kind === 'step' ? 'steps' : 'channels', node.name];
}

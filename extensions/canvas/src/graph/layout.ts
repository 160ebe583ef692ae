/** Where nodes stand. What the document says under `ui` holds; the rest is laid out, left to right. */
import type { Document } from '../editor/model';
import type { Op } from '../protocol';
import { mapping } from './document';
import type { Edge, Graph, Node } from './graph';
import { layered, type Picture, type Point } from './layered/layered';
import { put, remove, valueAt } from './ops';

export type { Point };

export interface Size {
  width: number;
  height: number;
}

export type Places = ReadonlyMap<string, Point>;

/** Where an edge bends, as long as its ends stand where they stood when it was laid out. */
export interface Route {
  tail: Point;
  head: Point;
  bends: readonly Point[];
}

export interface Layout {
  places: Map<string, Point>;
  /** By edge; those that lead straight to their ends are not in it. */
  routes: Map<string, Route>;
}

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

/** The box around all nodes; null: there are none. */
export function boundsOf(graph: Graph, places: Places): (Point & Size) | null {
  const boxes = boxesOf(graph.nodes, places);
  if (boxes.length === 0) {
    return null;
  }
  const x = Math.min(...boxes.map(box => box.x));
  const y = Math.min(...boxes.map(box => box.y));
  const width = Math.max(...boxes.map(box => box.x + box.width)) - x;
  const height = Math.max(...boxes.map(box => box.y + box.height)) - y;
  return { x, y, width, height };
}

function boxesOf(nodes: readonly Node[], places: Places): (Point & Size & { id: string })[] {
  return nodes.flatMap(node => {
    const place = places.get(node.id);
    return place === undefined ? [] : [{ id: node.id, ...place, ...sizeOf(node) }];
  });
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

/** A place for every node. Those in `known` keep theirs, so that nothing jumps while one edits; but those
 * that the document does not hold in place (`fixed`) make room for what comes between them, and where most
 * nodes are new, all are laid out. */
export function placesOf(graph: Graph, known: Places, fixed: Places = known): Layout {
  const missing = graph.nodes.filter(node => !known.has(node.id));
  const kept = placed(graph.nodes, known);
  if (missing.length === 0) {
    return { places: kept, routes: new Map() };
  }
  if (missing.length <= kept.size) {
    return { places: besides(graph, missing, kept, fixed), routes: new Map() };
  }
  const { places, routes } = laidOut(graph);
  return { places: around(placed(graph.nodes, fixed), places, graph.nodes), routes };
}

/** Places that give way to those that are held. */
function around(held: Map<string, Point>, places: Places, nodes: readonly Node[]): Map<string, Point> {
  if (held.size === 0) {
    return new Map(places);
  }
  const sizes = new Map(nodes.map(node => [node.id, sizeOf(node)]));
  for (const [id, place] of places) {
    if (!held.has(id)) {
      held.set(id, freePlace(place, sizes.get(id) ?? STEP, held, sizes));
    }
  }
  return held;
}

function placed(nodes: readonly Node[], places: Places): Map<string, Point> {
  return new Map(boxesOf(nodes, places).map(({ id, x, y }) => [id, { x, y }]));
}

/** The bends of those edges whose ends stand where they were laid out. */
export function bendsAt(routes: ReadonlyMap<string, Route>, edges: readonly Edge[], places: Places): Map<string, readonly Point[]> {
  const stands = (id: string, at: Point): boolean => {
    const place = places.get(id);
    return place?.x === at.x && place.y === at.y;
  };
  return new Map(
    edges.flatMap(({ id, tail, head }) => {
      const route = routes.get(id);
      return route !== undefined && stands(tail, route.tail) && stands(head, route.head) ? [[id, route.bends]] : [];
    })
  );
}

/** The whole graph in layers; pieces that nothing joins stand one below the other, and many of them in
 * columns, so that the whole is about as wide as a screen. */
export function laidOut(graph: Graph): Layout {
  const pieces = piecesOf(graph).map(piece => {
    const picture = standing(piece);
    return { edges: piece.edges, ...picture, box: boundsOf(piece, picture.places) as Point & Size };
  });
  const high = columnHeight(pieces.map(({ box }) => box));
  const layout: Layout = { places: new Map(), routes: new Map() };
  const at = { x: 0, y: 0 };
  let wide = 0;
  for (const { edges, places, bends, box } of pieces) {
    if (at.y + box.height / 2 > high) {
      at.x += wide + 2 * GAP.x;
      [at.y, wide] = [0, 0];
    }
    const moved = (point: Point): Point => ({ x: point.x - box.x + at.x, y: point.y - box.y + at.y });
    places.forEach((place, id) => layout.places.set(id, moved(place)));
    for (const { id, tail, head } of edges) {
      const own = bends.get(id);
      if (own !== undefined) {
        const [from, to] = [layout.places.get(tail) as Point, layout.places.get(head) as Point];
        layout.routes.set(id, { tail: from, head: to, bends: own.map(moved) });
      }
    }
    at.y += box.height + GAP.y;
    wide = Math.max(wide, box.width);
  }
  return layout;
}

/** How high columns are that hold all boxes, as even as they can be, in about the shape of a screen. */
function columnHeight(boxes: readonly Size[]): number {
  const area = boxes.reduce((sum, { width, height }) => sum + (width + GAP.x) * (height + GAP.y), 0);
  const total = boxes.reduce((sum, { height }) => sum + height + GAP.y, 0);
  const columns = Math.max(1, Math.round(total / Math.sqrt(area / SCREEN)));
  return Math.max(total / columns, ...boxes.map(({ height }) => height));
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

function standing(graph: Graph): Picture {
  const nodes = new Map(graph.nodes.map(node => [node.id, node]));
  const lines = graph.edges.flatMap(edge => {
    const [tail, head] = [nodes.get(edge.tail), nodes.get(edge.head)];
    if (tail === undefined || head === undefined) {
      return [];
    }
    // A message may lead back; it must not turn the order of the data around.
    const loose = edge.kind === 'message';
    const label = Math.round(edge.label.length * LETTER);
    return [{ id: edge.id, tail: tail.id, head: head.id, ...joints(edge, tail, head), label, loose }];
  });
  return layered(graph.nodes.map(node => ({ id: node.id, ...sizeOf(node) })), lines, GAP);
}

/** How far below the tops of its ends an edge begins and ends. */
function joints({ kind, port, input }: Edge, tail: Node, head: Node): { from: number; to: number } {
  return kind === 'message'
    ? { from: sizeOf(tail).height, to: 0 }
    : {
        from: jointsOf(tail).outputs.get(port ?? 'out') ?? 0,
        to: jointsOf(head).inputs.get(input === null ? 'in' : `in:${input}`) ?? 0
      };
}

/** Few new nodes stand behind what they read, or before what they feed; many are laid out among
 * themselves, below the rest. */
function besides(graph: Graph, missing: readonly Node[], places: Map<string, Point>, fixed: Places): Map<string, Point> {
  const nodes = new Map(graph.nodes.map(node => [node.id, node]));
  const sizes = new Map(graph.nodes.map(node => [node.id, sizeOf(node)]));
  const waiting = [...missing];
  for (let stuck = 0; waiting.length > 0 && stuck < waiting.length; ) {
    const node = waiting.shift() as Node;
    const place = neighbourly(node, graph.edges, places, nodes);
    if (place === null) {
      waiting.push(node);
      stuck += 1;
    } else {
      makeRoom(node, place, graph.edges, places, fixed);
      places.set(node.id, freePlace(place, sizeOf(node), places, sizes));
      stuck = 0;
    }
  }
  const loose = new Set(waiting.map(node => node.id));
  const { places: island } = laidOut({
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

/** Behind or before a neighbour, so that the edge between them is straight. */
function neighbourly(node: Node, edges: readonly Edge[], places: Places, nodes: ReadonlyMap<string, Node>): Point | null {
  const own = edges.filter(edge => edge.tail === node.id || edge.head === node.id);
  for (const edge of [...own.filter(({ kind }) => kind !== 'message'), ...own.filter(({ kind }) => kind === 'message')]) {
    const [tail, head] = [nodes.get(edge.tail), nodes.get(edge.head)];
    const [from, to] = [places.get(edge.tail), places.get(edge.head)];
    if (tail === undefined || head === undefined) {
      continue;
    }
    const down = joints(edge, tail, head).from - joints(edge, tail, head).to;
    if (head === node && from !== undefined) {
      return { x: from.x + sizeOf(tail).width + GAP.x, y: from.y + down };
    }
    if (tail === node && to !== undefined) {
      return { x: to.x - sizeOf(node).width - GAP.x, y: to.y - down };
    }
  }
  return null;
}

/** Move what a new node feeds to the right, and all that stands beyond, unless the document holds some of
 * it in place. */
function makeRoom(node: Node, place: Point, edges: readonly Edge[], places: Map<string, Point>, fixed: Places): void {
  const heads = edges.filter(edge => edge.tail === node.id && edge.kind !== 'message').map(edge => places.get(edge.head));
  const nearest = Math.min(...heads.map(head => head?.x ?? Infinity));
  const by = place.x + sizeOf(node).width + GAP.x - nearest;
  const beyond = [...places].filter(([, { x }]) => x >= nearest);
  if (by > 0 && nearest >= place.x - GAP.x && !beyond.some(([id]) => fixed.has(id))) {
    beyond.forEach(([id, { x, y }]) => places.set(id, { x: x + by, y }));
  }
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
  const boxes = boxesOf(nodes, places);
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

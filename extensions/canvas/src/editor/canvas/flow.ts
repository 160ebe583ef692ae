/** The graph as React Flow takes it. */
import { Position, type Edge as FlowEdge, type Node as FlowNode, type NodeHandle } from '@xyflow/react';
import type { Frame } from '../../graph/frames';
import type { Edge, Graph, Node, Region } from '../../graph/graph';
import { jointsOf, sizeOf, type Places, type Point, type Size } from '../../graph/sizes';
import type { PartChange, Problem } from '../../protocol';
import type { Counts, Traced } from './traced';

export interface PartData extends Record<string, unknown> {
  node: Node;
  change: PartChange | null;
  problems: readonly Problem[];
  counts: Counts | null;
  drifted: boolean;
  /** Why what is being dragged cannot end here; null: it can, or nothing is dragged. */
  refusal: string | null;
}

export interface RegionData extends Record<string, unknown> {
  region: Region;
  title: Frame['title'];
}

export interface ChannelData extends Record<string, unknown> {
  edge: Edge;
  rows: number | null;
  /** The points that it leads through. */
  bends: readonly Point[];
}

export type PartNode = FlowNode<PartData, 'step' | 'spool'>;
export type RegionNode = FlowNode<RegionData, 'region'>;
export type AnyNode = PartNode | RegionNode;
export type ChannelEdge = FlowEdge<ChannelData, 'channel'>;

export const MESSAGE_IN = 'message in';
export const MESSAGE_OUT = 'message out';
/** The handle that begins a port of its own. */
export const NEW_PORT = '+';

/** How wide a handle is: edges end where it begins. */
const HANDLE = 9;
const NONE: readonly Problem[] = [];
const STRAIGHT: readonly Point[] = [];

export interface View {
  graph: Graph;
  places: Places;
  selected: ReadonlySet<string>;
  marks: ReadonlyMap<string, PartChange>;
  problems: ReadonlyMap<string, readonly Problem[]>;
  traced: Traced;
  drifted: ReadonlySet<string>;
  refusals: ReadonlyMap<string, string>;
  locked: boolean;
}

export interface EdgesView {
  graph: Graph;
  bends: ReadonlyMap<string, readonly Point[]>;
  traced: Traced;
  picked: ReadonlySet<string>;
}

export function partNodes(view: View): PartNode[] {
  return view.graph.nodes.map(node => ({
    id: node.id,
    type: node.kind,
    position: view.places.get(node.id) ?? { x: 0, y: 0 },
    ...sized(sizeOf(node)),
    handles: handlesOf(node),
    data: {
      node,
      change: view.marks.get(node.id) ?? null,
      problems: view.problems.get(node.id) ?? NONE,
      counts: view.traced.nodes.get(node.id) ?? null,
      drifted: view.drifted.has(node.name),
      refusal: view.refusals.get(node.id) ?? null
    },
    selected: view.selected.has(node.id),
    draggable: !view.locked,
    connectable: !view.locked
  }));
}

/** Said as measured, too: React Flow would measure each node that comes into view, and draw all anew. */
function sized(size: Size): Size & { measured: Size } {
  return { ...size, measured: size };
}

export function channelEdges({ graph, bends, traced, picked }: EdgesView): ChannelEdge[] {
  return graph.edges.map(edge => ({
    id: edge.id,
    type: 'channel',
    source: edge.tail,
    target: edge.head,
    sourceHandle: edge.kind === 'message' ? MESSAGE_OUT : (edge.port ?? 'out'),
    targetHandle: edge.kind === 'message' ? MESSAGE_IN : edge.input === null ? 'in' : `in:${edge.input}`,
    data: {
      edge,
      rows: edge.kind === 'message' ? null : (traced.channels.get(edge.name) ?? null),
      bends: bends.get(edge.id) ?? STRAIGHT
    },
    selected: picked.has(edge.id),
    interactionWidth: 18
  }));
}

/** Nodes and edges that say the same stay the same objects, so that React Flow passes them over. */
export function settledNodes<T extends AnyNode | ChannelEdge>(before: readonly T[], now: readonly T[]): T[] {
  const known = new Map(before.map(item => [item.id, item]));
  return now.map(item => {
    const old = known.get(item.id);
    if (old === undefined) {
      return item;
    }
    if (sameItem(old, item)) {
      return old;
    }
    return { ...old, ...item };
  });
}

function sameItem(old: Record<string, unknown>, item: Record<string, unknown>): boolean {
  return Object.keys(item).every(key => {
    const [one, other] = [old[key], item[key]];
    if (key === 'handles') {
      return true; // they follow from the data and the size
    }
    const isRecord = key === 'data' || key === 'position' || key === 'measured';
    return isRecord ? sameFields(one as Record<string, unknown>, other as Record<string, unknown>) : one === other;
  });
}

function sameFields(one: Record<string, unknown>, other: Record<string, unknown>): boolean {
  return Object.keys(other).every(key => one[key] === other[key]);
}

/** Said to React Flow beforehand, so that edges are drawn before their nodes are. */
function handlesOf(node: Node): NodeHandle[] {
  const { width, height } = sizeOf(node);
  const { inputs, outputs } = jointsOf(node);
  const handle = (id: string, type: 'source' | 'target', position: Position, x: number, y: number): NodeHandle => ({
    id, type, position, x: x - HANDLE / 2, y: y - HANDLE / 2, width: HANDLE, height: HANDLE
  });
  return [
    ...[...inputs].map(([id, y]) => handle(id, 'target', Position.Left, 0, y)),
    ...[...outputs].map(([id, y]) => handle(id, 'source', Position.Right, width, y)),
    handle(MESSAGE_IN, 'target', Position.Top, width / 2, 0),
    handle(MESSAGE_OUT, 'source', Position.Bottom, width / 2, height),
    ...(node.kind === 'step' ? [handle(NEW_PORT, 'source', Position.Right, width - 12, height)] : [])
  ];
}

/** Frames, as large as what they hold. */
export function regionNodes(frames: readonly Frame[]): RegionNode[] {
  return frames.map(({ id, region, title, x, y, width, height }) => ({
    id,
    type: 'region' as const,
    position: { x, y },
    ...sized({ width, height }),
    data: { region, title },
    zIndex: title === 'over' ? 1 : -1,
    selectable: false,
    draggable: false,
    connectable: false,
    focusable: false
  }));
}

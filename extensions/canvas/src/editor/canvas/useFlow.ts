/** What React Flow shows, and what becomes of what it says. */
import { applyNodeChanges, type EdgeChange, type NodeChange } from '@xyflow/react';
import { useCallback, useLayoutEffect, useMemo, useRef, useState, type MouseEvent as ReactMouseEvent } from 'react';
import { framesOf } from '../../graph/frames';
import { partOf, type Edge, type Node } from '../../graph/graph';
import type { Hands } from '../commands';
import { useHands } from '../hands';
import { useEditor, type Part } from '../model';
import { selectedNodes, useWorkbench } from '../workbench';
import { channelEdges, partNodes, regionNodes, settledNodes, type AnyNode, type ChannelEdge } from './flow';
import { tracedIn } from './traced';

export interface Flow extends Handlers {
  nodes: AnyNode[];
  edges: ChannelEdge[];
  onNodesChange(changes: NodeChange<AnyNode>[]): void;
}

interface Handlers {
  onEdgesChange(changes: EdgeChange<ChannelEdge>[]): void;
  onNodeDragStop(event: unknown, node: AnyNode, nodes: AnyNode[]): void;
  onSelectionDragStop(event: unknown, nodes: AnyNode[]): void;
  onNodeContextMenu(event: ReactMouseEvent, node: AnyNode): void;
  onNodeDoubleClick(event: unknown, node: AnyNode): void;
  onEdgeContextMenu(event: ReactMouseEvent, edge: ChannelEdge): void;
  onPaneContextMenu(event: MouseEvent | ReactMouseEvent): void;
  onPaneClick(): void;
}

const NOBODY: ReadonlySet<string> = new Set();

export function useFlow(refusals: ReadonlyMap<string, string>): Flow {
  const { nodes, onNodesChange: moved } = useNodes(refusals);
  const edges = useEdges();
  const picking = usePicking();
  const hands = useHands();
  const latest = useRef(hands);
  latest.current = hands;

  // The same functions for good: React Flow goes over all nodes and edges when it is given new ones.
  const onNodesChange = useCallback(
    (changes: NodeChange<AnyNode>[]) => {
      moved(changes);
      picking.nodes(changes);
    },
    [moved, picking]
  );
  const handlers = useMemo(() => handlersOf(() => latest.current, picking.edges), [picking]);
  return { nodes, edges, onNodesChange, ...handlers };
}

function handlersOf(hands: () => Hands, onEdgesChange: Handlers['onEdgesChange']): Handlers {
  const menu = (event: { clientX: number; clientY: number; preventDefault(): void }, part: Part | null): void => {
    event.preventDefault();
    hands().bench.openMenu({ at: { x: event.clientX, y: event.clientY }, part });
  };
  const select = (part: Part, edges: readonly Edge[]): void => {
    hands().editor.select([part]);
    hands().bench.pickEdges(edges);
  };
  const place = (stopped: readonly AnyNode[]): void =>
    hands().actions.place(new Map(stopped.map(node => [node.id, node.position])), 'move');

  return {
    onEdgesChange,
    onNodeDragStop: (_, node, all) => place(all.length > 0 ? all : [node]),
    onSelectionDragStop: (_, all) => place(all),
    onNodeContextMenu: (event, node) => {
      if (node.type === 'region') {
        menu(event, null);
        return;
      }
      const part = partOf(node.data.node);
      if (!node.selected) {
        select(part, []);
      }
      menu(event, part);
    },
    onNodeDoubleClick: (_, node) => node.type !== 'region' && hands().bench.goTo('inspector'),
    onEdgeContextMenu: (event, { data }) => {
      if (data !== undefined) {
        select(data.edge.part, [data.edge]);
        menu(event, data.edge.part);
      }
    },
    onPaneContextMenu: event => menu(event, null),
    onPaneClick: () => {
      const { bench, editor } = hands();
      bench.openMenu(null);
      bench.pickEdges([]);
      editor.select([]);
    }
  };
}

/** The nodes as drawn; while they are dragged they are ahead of the document. */
function useNodes(refusals: ReadonlyMap<string, string>): Pick<Flow, 'nodes' | 'onNodesChange'> {
  const { overlay, selection } = useEditor();
  const { graph, places, bends, marks, problems, locked, framing } = useWorkbench();
  const [nodes, setNodes] = useState<AnyNode[]>([]);
  const traced = useMemo(() => tracedIn(overlay), [overlay]);
  const drifted = useMemo(() => (overlay.kind === 'live' ? new Set(overlay.view.drifted) : NOBODY), [overlay]);
  const selected = useMemo(() => new Set(selectedNodes(graph, selection).map(node => node.id)), [graph, selection]);
  const frames = useMemo(
    () => regionNodes(framesOf(graph, places, bends, framing)),
    [graph, places, bends, framing]
  );
  const parts = useMemo(
    () => partNodes({ graph, places, selected, marks, problems, traced, drifted, refusals, locked }),
    [graph, places, selected, marks, problems, traced, drifted, refusals, locked]
  );
  useLayoutEffect(
    () => setNodes(before => settledNodes<AnyNode>(before, [...frames, ...parts])),
    [frames, parts]
  );
  const onNodesChange = useCallback((changes: NodeChange<AnyNode>[]) => {
    const own = changes.filter(change => change.type === 'position' || change.type === 'dimensions');
    if (own.length > 0) {
      setNodes(before => applyNodeChanges<AnyNode>(own, before));
    }
  }, []);
  return { nodes, onNodesChange };
}

/** A channel that is selected by name has all of its edges picked; a picked edge is by itself. */
function useEdges(): ChannelEdge[] {
  const { overlay, selection } = useEditor();
  const { graph, bends, edges: picked } = useWorkbench();
  const before = useRef<ChannelEdge[]>([]);
  return useMemo(() => {
    const named = new Set(selection.flatMap(part => (part.kind === 'channel' ? [part.name] : [])));
    const ids = picked.length > 0 ? picked.map(edge => edge.id) : graph.edges.filter(edge => edge.part.kind === 'channel' && named.has(edge.name)).map(edge => edge.id);
    const wanted = channelEdges({ graph, bends, traced: tracedIn(overlay), picked: new Set(ids) });
    before.current = settledNodes<ChannelEdge>(before.current, wanted);
    return before.current;
  }, [graph, bends, overlay, selection, picked]);
}

/** React Flow tells of nodes and of edges apart, one after the other: both make one selection. */
function usePicking(): { nodes(changes: NodeChange<AnyNode>[]): void; edges(changes: EdgeChange<ChannelEdge>[]): void } {
  const editor = useEditor();
  const bench = useWorkbench();
  const latest = useRef({ editor, bench });
  latest.current = { editor, bench };
  const waiting = useRef<Map<string, boolean> | null>(null);

  return useMemo(() => {
    const note = (changes: readonly { type: string; id?: string; selected?: boolean }[]): void => {
      const picks = changes.filter(change => change.type === 'select');
      if (picks.length === 0) {
        return;
      }
      if (waiting.current === null) {
        waiting.current = new Map();
        queueMicrotask(() => {
          const made = waiting.current ?? new Map<string, boolean>();
          waiting.current = null;
          take(latest.current, made);
        });
      }
      for (const { id = '', selected = false } of picks) {
        waiting.current.set(id, selected);
      }
    };
    return { nodes: note, edges: note };
  }, []);
}

function take({ editor, bench }: { editor: ReturnType<typeof useEditor>; bench: ReturnType<typeof useWorkbench> }, picks: ReadonlyMap<string, boolean>): void {
  const { graph } = bench;
  const stays = (item: Node | Edge, before: boolean): boolean => picks.get(item.id) ?? before;
  const chosen = new Set(selectedNodes(graph, editor.selection).map(node => node.id));
  const nodes = graph.nodes.filter(node => stays(node, chosen.has(node.id)));
  const edges = graph.edges.filter(edge => stays(edge, bench.edges.includes(edge)));
  // What was chosen last comes last: keys act on it.
  const ordered = [...nodes.filter(node => chosen.has(node.id)), ...nodes.filter(node => !chosen.has(node.id))];
  const parts = [...ordered.map(partOf), ...edges.map(edge => edge.part)];
  editor.select(parts.filter((part, index) => parts.findIndex(one => JSON.stringify(one) === JSON.stringify(part)) === index));
  bench.pickEdges(edges);
}

/** What the parts of the editor's screen share beside the model: the graph as drawn, where its nodes
 * stand, which window is open. */
import { createContext, useContext, useLayoutEffect, useMemo, useRef, useState, type JSX, type ReactNode } from 'react';
import { graphOf, spoolId, stepId, type Edge, type Graph, type Node } from '../graph/graph';
import type { Source } from '../graph/connect';
import { fixedPlaces } from '../graph/fixed';
import { bendsAt, type Route } from '../graph/layout';
import type { Framing } from '../graph/frames';
import { placesOf } from '../graph/places';
import type { Point } from '../graph/sizes';
import { same } from '../graph/document';
import { drawnUnder, marksOf, type Drawn } from '../graph/paint';
import type { PartChange, Problem, Shape } from '../protocol';
import { useEditor, type Document, type PanelName, type Part } from './model';

/** The windows that can be open. */
export type Window =
  | { kind: 'add'; at?: Point; source?: Source }
  | { kind: 'connect'; from?: Part }
  | { kind: 'rename'; part: Part }
  | { kind: 'search' }
  | { kind: 'keys' };

/** What the canvas does for others. */
export interface Camera {
  fit(): void;
  zoom(by: 1 | -1): void;
  /** Bring nodes into view, if they are not. */
  show(ids: readonly string[]): void;
  focus(): void;
}

export interface Workbench {
  graph: Graph;
  places: ReadonlyMap<string, Point>;
  /** Edge id → the points that it leads through. */
  bends: ReadonlyMap<string, readonly Point[]>;
  marks: ReadonlyMap<string, PartChange>;
  /** Node id → its problems. */
  problems: ReadonlyMap<string, readonly Problem[]>;
  /** What is drawn is not the draft: nothing can be changed. */
  locked: boolean;
  window: Window | null;
  open(window: Window | null): void;
  menu: { at: Point; part: Part | null } | null;
  openMenu(menu: { at: Point; part: Part | null } | null): void;
  /** Edges that were picked by themselves. */
  edges: readonly Edge[];
  pickEdges(edges: readonly Edge[]): void;
  framing: Framing;
  showFrames(framing: Framing): void;
  left: 'palette' | 'outline' | null;
  openLeft(left: 'palette' | 'outline' | null): void;
  inspector: boolean;
  openInspector(open: boolean): void;
  camera: { current: Camera | null };
  /** The element that holds the editor. */
  root: { current: HTMLDivElement | null };
  /** Open a side of the screen, or a panel, and put the focus there. */
  goTo(place: Place): void;
  /** Lay out anew what the document does not place. */
  layOut(): void;
  /** A node's automatic place, when it goes by another name. */
  movePlace(from: string, to: string): void;
}

export type Place = 'inspector' | 'outline' | 'palette' | PanelName;

const WorkbenchContext = createContext<Workbench | null>(null);

export function useWorkbench(): Workbench {
  const workbench = useContext(WorkbenchContext);
  if (workbench === null) {
    throw new Error('useWorkbench needs a WorkbenchProvider around it');
  }
  return workbench;
}

/** In a notebook's cell, say: both sides would leave too little of the graph. */
const NARROW_PX = 880;

export function WorkbenchProvider({ children }: { children: ReactNode }): JSX.Element {
  const { document, shape, overlay, problems, readOnly, openPanel } = useEditor();
  const readable = useReadable(document, shape);
  const drawn = useMemo(() => drawnUnder(overlay, readable), [overlay, readable]);
  const graph = useStable(useMemo(() => graphOf(drawn.document, drawn.shape), [drawn.document, drawn.shape]));
  const layout = usePlaces(graph, drawn.document);
  const [window, open] = useState<Window | null>(null);
  const [menu, openMenu] = useState<Workbench['menu']>(null);
  const [edges, pickEdges] = useState<readonly Edge[]>([]);
  // Who only looks has all the room for the graph; the sides are a key away.
  const [left, openLeft] = useState<Workbench['left']>(readOnly ? null : 'palette');
  const [framing, showFrames] = useState<Framing>('stages');
  const [inspector, openInspector] = useState(!readOnly);
  const camera = useRef<Camera | null>(null);
  const root = useRef<HTMLDivElement | null>(null);
  useLayoutEffect(() => {
    const width = root.current?.clientWidth ?? 0;
    if (width > 0 && width < NARROW_PX) {
      openLeft(null);
    }
  }, []);
  const marks = useMemo(() => marksOf(overlay), [overlay]);
  const byNode = useMemo(() => problemsByNode(problems), [problems]);
  const locked = readOnly || overlay.kind === 'difference' || overlay.kind === 'plan' || overlay.kind === 'live';

  const workbench = useMemo(
    () => ({
      graph, marks, problems: byNode, locked, window, open, menu, openMenu, edges, pickEdges, left, openLeft, framing, showFrames,
      inspector, openInspector, camera, root, ...layout,
      goTo: (place: Place) => {
        if (place === 'inspector') {
          openInspector(true);
        } else if (place === 'outline' || place === 'palette') {
          openLeft(place);
        } else {
          openPanel(place);
        }
        focusSoon(root, place);
      }
    }),
    [graph, marks, byNode, locked, window, menu, edges, left, inspector, framing, layout, openPanel]
  );
  return <WorkbenchContext.Provider value={workbench}>{children}</WorkbenchContext.Provider>;
}

/** The side is drawn with the next frame; then its first field gets the focus. What a panel holds may
 * have to be asked for first: Tab leads into it. */
function focusSoon(root: Workbench['root'], place: Place): void {
  requestAnimationFrame(() => {
    const side = root.current?.querySelector(`.lyftnb-mod-${place}`);
    const field = side?.querySelector<HTMLElement>('[tabindex="0"], input, select, textarea, [contenteditable="true"], button');
    (field ?? root.current?.querySelector<HTMLElement>('.lyftnb-Drawer-body'))?.focus();
  });
}

/** The graph with nodes and edges that are the same objects while they say the same. */
function useStable(graph: Graph): Graph {
  const last = useRef(graph);
  return useMemo(() => {
    const before = last.current;
    last.current = {
      nodes: kept(before.nodes, graph.nodes),
      edges: kept(before.edges, graph.edges),
      regions: kept(before.regions, graph.regions)
    };
    return last.current;
  }, [graph]);
}

function kept<T extends { id: string }>(before: readonly T[], now: readonly T[]): readonly T[] {
  const known = new Map(before.map(item => [item.id, item]));
  const all = now.map(item => {
    const old = known.get(item.id);
    return old !== undefined && same(old, item) ? old : item;
  });
  return all.length === before.length && all.every((item, index) => item === before[index]) ? before : all;
}

/** While its text cannot be read, the workflow as it was before: whoever types sees the graph stay. */
function useReadable(document: Document | null, shape: Shape | null): Drawn {
  const last = useRef<Drawn>({ document: {}, shape: null });
  return useMemo(() => {
    if (document !== null) {
      last.current = { document, shape };
    }
    return last.current;
  }, [document, shape]);
}

type Layout = Pick<Workbench, 'places' | 'bends' | 'layOut' | 'movePlace'>;

/** Where nodes stand: as the document says, else where the layout has put them first. Should another plan of
 * what was opened come before the first edit, all is laid out with its stages and spools. */
function usePlaces(graph: Graph, document: Document): Layout {
  const automatic = useRef(new Map<string, Point>());
  const routes = useRef<ReadonlyMap<string, Route>>(new Map());
  const opened = useRef(document);
  const [round, setRound] = useState(0);
  const { ui } = document;
  if (automatic.current.size === 0) {
    opened.current = document;
  }
  const isOpened = opened.current === document;
  return useMemo(() => {
    const fixed = fixedPlaces({ ui }, graph.nodes);
    if (isOpened) {
      automatic.current.clear();
    }
    const { places, routes: laid } = placesOf(graph, new Map([...automatic.current, ...fixed]), fixed);
    routes.current = laid.size > 0 ? laid : routes.current;
    for (const [id, place] of places) {
      if (!fixed.has(id)) {
        automatic.current.set(id, place);
      }
    }
    return {
      places,
      bends: bendsAt(routes.current, graph.edges, places),
      layOut: () => {
        automatic.current.clear();
        setRound(round + 1);
      },
      movePlace: (from, to) => {
        const place = automatic.current.get(from);
        if (place !== undefined) {
          automatic.current.set(to, place);
        }
      }
    };
  }, [graph, ui, isOpened, round]);
}

function problemsByNode(problems: readonly Problem[]): Map<string, Problem[]> {
  const found = new Map<string, Problem[]>();
  for (const problem of problems) {
    const [section, name] = problem.path;
    const id = section === 'steps' ? stepId(String(name)) : section === 'channels' ? spoolId(String(name)) : null;
    if (id !== null) {
      found.set(id, [...(found.get(id) ?? []), problem]);
    }
  }
  return found;
}

/** The selected nodes, in the order of the graph. */
export function selectedNodes(graph: Graph, selection: readonly Part[]): Node[] {
  const ids = new Set(
    selection.map(part => (part.kind === 'step' ? stepId(part.name) : part.kind === 'channel' ? spoolId(part.name) : ''))
  );
  return graph.nodes.filter(node => ids.has(node.id));
}

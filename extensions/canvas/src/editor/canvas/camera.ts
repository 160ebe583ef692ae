/** What is in view: fitting, zooming, bringing nodes into sight. */
import { getViewportForBounds, useReactFlow, type Viewport } from '@xyflow/react';
import { useCallback, useEffect, useRef, type RefObject } from 'react';
import { boundsOf, sizeOf } from '../../graph/sizes';
import { useEditor, type Document } from '../model';
import { useWorkbench, type Workbench } from '../workbench';

export const ZOOM = { least: 0.05, most: 2 };
const FITTING = { padding: 0.08, most: 1.1 };
const MARGIN = 24;
/** Where names can be read, from afar, and where all can: the first sight begins at the left of a graph that
 * would be smaller than the one, and shows it at the other. */
const READABLE = { names: 0.25, all: 0.6 };

/** Gives the others their camera; the first sight fits once the canvas has a size and nodes. */
export function useCamera(): RefObject<HTMLDivElement> {
  const pane = useRef<HTMLDivElement>(null);
  const bench = useWorkbench();
  const fit = useFitting(pane);
  const latest = useRef(bench);
  latest.current = bench;
  const flow = useReactFlow();

  useEffect(() => {
    const duration = matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 150;
    bench.camera.current = {
      fit: () => fit(duration),
      zoom: by => void (by > 0 ? flow.zoomIn({ duration }) : flow.zoomOut({ duration })),
      show: ids => showNodes(ids, duration),
      focus: () => pane.current?.focus({ preventScroll: true })
    };
    const showNodes = (ids: readonly string[], length: number): void => {
      const { graph, places } = latest.current;
      const box = pane.current?.getBoundingClientRect();
      const node = graph.nodes.find(one => one.id === ids[0]);
      const place = node === undefined ? undefined : places.get(node.id);
      if (box === undefined || node === undefined || place === undefined) {
        return;
      }
      const { width, height } = sizeOf(node);
      const { x, y, zoom } = flow.getViewport();
      const [left, top] = [place.x * zoom + x, place.y * zoom + y];
      const inSight = left >= 0 && top >= 0 && left + width * zoom <= box.width && top + height * zoom <= box.height;
      if (!inSight || zoom < 0.4) {
        const middle = [place.x + width / 2, place.y + height / 2] as const;
        void flow.setCenter(...middle, { zoom: Math.max(zoom, 0.75), duration: length });
      }
    };
  }, [bench.camera, fit, flow]);

  return pane;
}

/** How the view was fitted last. */
interface Fitted {
  view: Viewport;
  readable: boolean;
  document: Document | null;
}

/** Fit at first sight, and again as long as nobody has moved the view: when the pane gets another size,
 * and when what was opened is drawn anew because another plan of it has come. The returned function fits now. */
function useFitting(pane: RefObject<HTMLDivElement>): (duration: number) => void {
  const flow = useReactFlow();
  const { document } = useEditor();
  const bench = useWorkbench();
  const latest = useRef({ bench, document });
  latest.current = { bench, document };
  const last = useRef<Fitted | null>(null);
  const height = useRef(0);

  const fit = useCallback(
    (duration: number, readable = false) => {
      const now = latest.current;
      const view = pane.current === null ? null : viewOf(now.bench, pane.current, readable);
      if (view !== null) {
        last.current = { view, readable, document: now.document };
        void flow.setViewport(view, { duration });
      }
    },
    [flow, pane]
  );
  const look = useCallback(
    (resized: boolean) => {
      const high = pane.current?.clientHeight ?? 0;
      const before = last.current;
      const view = flow.getViewport();
      if (before === null) {
        fit(0, true);
      } else if (isSameView(view, before.view)) {
        if (resized || latest.current.document === before.document) {
          fit(0, before.readable);
        }
      } else if (resized && height.current > 0) {
        // A panel opened or closed below: what was in the middle stays there.
        void flow.setViewport({ ...view, y: view.y + (high - height.current) / 2 });
      }
      height.current = high;
    },
    [fit, flow, pane]
  );

  useEffect(() => look(false), [look, bench.graph, bench.places]);
  useEffect(() => {
    const observer = new ResizeObserver(() => look(true));
    if (pane.current !== null) {
      observer.observe(pane.current);
    }
    return () => observer.disconnect();
  }, [look, pane]);
  return fit;
}

/** Fit by the sizes that we know: React Flow's own fitting waits for nodes to be drawn, and those out
 * of sight never are. Null: there is nothing to see, or nowhere. */
function viewOf({ graph, places }: Workbench, pane: HTMLElement, readable: boolean): Viewport | null {
  const { clientWidth, clientHeight } = pane;
  const bounds = boundsOf(graph, places);
  if (bounds === null || clientWidth === 0) {
    return null;
  }
  const { x, y, height } = bounds;
  const fitting = getViewportForBounds(bounds, clientWidth, clientHeight, ZOOM.least, FITTING.most, FITTING.padding);
  return readable && fitting.zoom < READABLE.names
    ? {
        x: MARGIN - x * READABLE.all,
        y: Math.max(MARGIN - y * READABLE.all, clientHeight / 2 - (y + height / 2) * READABLE.all),
        zoom: READABLE.all
      }
    : fitting;
}

function isSameView(one: Viewport, other: Viewport): boolean {
  return Math.hypot(one.x - other.x, one.y - other.y) < 0.5 && Math.abs(one.zoom - other.zoom) < 1e-4;
}

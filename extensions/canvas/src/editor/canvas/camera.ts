/** What is in view: fitting, zooming, bringing nodes into sight. */
import { getViewportForBounds, useReactFlow } from '@xyflow/react';
import { useEffect, useRef, type RefObject } from 'react';
import { sizeOf } from '../../graph/layout';
import { useWorkbench, type Workbench } from '../workbench';

export const ZOOM = { least: 0.05, most: 2 };
const FITTING = { padding: 0.08, most: 1.1 };
/** What can be read; the first sight begins at the left of a graph that is wider. */
const READABLE = 0.5;

/** Gives the others their camera; the first sight fits once the canvas has a size and nodes. */
export function useCamera(): RefObject<HTMLDivElement> {
  const pane = useRef<HTMLDivElement>(null);
  const fitted = useRef(false);
  const bench = useWorkbench();
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
    const fit = (length: number): void => {
      if (pane.current !== null) {
        setViewport(flow, latest.current, pane.current, { duration: length, readable: false });
      }
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
  }, [bench.camera, flow]);

  useEffect(() => {
    const element = pane.current;
    let height = element?.clientHeight ?? 0;
    const fit = (): void => {
      if (element === null || element.clientWidth === 0) {
        return;
      }
      if (!fitted.current && latest.current.graph.nodes.length > 0) {
        fitted.current = true;
        setViewport(flow, latest.current, element, { duration: 0, readable: true });
      } else if (fitted.current && height > 0 && element.clientHeight !== height) {
        // A panel opened or closed below: what was in the middle stays there.
        const { x, y, zoom } = flow.getViewport();
        void flow.setViewport({ x, y: y + (element.clientHeight - height) / 2, zoom });
      }
      height = element.clientHeight;
    };
    const observer = new ResizeObserver(fit);
    if (element !== null) {
      observer.observe(element);
    }
    fit();
    return () => observer.disconnect();
  }, [flow, bench.graph]);

  return pane;
}

/** Fit by the sizes that we know: React Flow's own fitting waits for nodes to be drawn, and those out
 * of sight never are. */
function setViewport(flow: ReturnType<typeof useReactFlow>, { graph, places }: Workbench, pane: HTMLElement, how: { duration: number; readable: boolean }): void {
  const boxes = graph.nodes.flatMap(node => {
    const place = places.get(node.id);
    return place === undefined ? [] : [{ ...place, ...sizeOf(node) }];
  });
  if (boxes.length === 0) {
    return;
  }
  const x = Math.min(...boxes.map(box => box.x));
  const y = Math.min(...boxes.map(box => box.y));
  const width = Math.max(...boxes.map(box => box.x + box.width)) - x;
  const height = Math.max(...boxes.map(box => box.y + box.height)) - y;
  const { clientWidth, clientHeight } = pane;
  const bounds = { x, y, width, height };
  const fitting = getViewportForBounds(bounds, clientWidth, clientHeight, ZOOM.least, FITTING.most, FITTING.padding);
  const margin = 24;
  const viewport =
    how.readable && fitting.zoom < READABLE
      ? {
          x: margin - x * READABLE,
          y: Math.max(margin - y * READABLE, clientHeight / 2 - (y + height / 2) * READABLE),
          zoom: READABLE
        }
      : fitting;
  void flow.setViewport(viewport, { duration: how.duration });
}

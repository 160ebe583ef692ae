/** What is in view: fitting, zooming, bringing nodes into sight. */
import { useReactFlow } from '@xyflow/react';
import { useEffect, useRef, type RefObject } from 'react';
import { sizeOf } from '../../graph/layout';
import { useWorkbench } from '../workbench';

const FIT = { padding: 0.12, minZoom: 0.05, maxZoom: 1.1 };

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
      fit: () => void flow.fitView({ ...FIT, duration }),
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
  }, [bench.camera, flow]);

  useEffect(() => {
    const element = pane.current;
    const fit = (): void => {
      if (!fitted.current && element !== null && element.clientWidth > 0 && latest.current.graph.nodes.length > 0) {
        fitted.current = true;
        requestAnimationFrame(() => void flow.fitView(FIT));
      }
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

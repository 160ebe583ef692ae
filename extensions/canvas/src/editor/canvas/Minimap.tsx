/** The whole graph in small, and what of it is in view; dragging there moves the view.
 *
 * One path for all steps and one for all spools: a component for each node would be asked at every
 * frame whether it has changed. */
import { Panel, useReactFlow, useStore, type ReactFlowState } from '@xyflow/react';
import { memo, useMemo, useRef, type JSX, type PointerEvent } from 'react';
import { boundsOf, sizeOf, type Places } from '../../graph/sizes';
import type { Graph, Node } from '../../graph/graph';
import { useWorkbench } from '../workbench';

const SIZE = { width: 148, height: 96 };
const MARGIN = 5;

export function Minimap(): JSX.Element {
  const { graph, places } = useWorkbench();
  const flow = useReactFlow();
  const svg = useRef<SVGSVGElement>(null);
  const box = useMemo(() => framed(graph, places), [graph, places]);
  const look = (event: PointerEvent): void => {
    const matrix = svg.current?.getScreenCTM();
    if (event.buttons === 1 && matrix != null) {
      const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
      void flow.setCenter(x, y, { zoom: flow.getZoom() });
    }
  };
  return (
    <Panel position="bottom-right" className="lyftnb-Minimap">
      <svg
        ref={svg}
        role="img"
        aria-label="Overview of the graph"
        width={SIZE.width}
        height={SIZE.height}
        viewBox={`${box.x} ${box.y} ${box.width} ${box.height}`}
        onPointerDown={event => {
          event.currentTarget.setPointerCapture(event.pointerId);
          look(event);
        }}
        onPointerMove={look}
      >
        <Boxes graph={graph} places={places} kind="step" />
        <Boxes graph={graph} places={places} kind="spool" />
        <Mask {...box} />
      </svg>
    </Panel>
  );
}

const Boxes = memo(function Boxes({ graph, places, kind }: { graph: Graph; places: Places; kind: Node['kind'] }): JSX.Element {
  const boxes = graph.nodes.flatMap(node => {
    const [place, { width, height }] = [places.get(node.id), sizeOf(node)];
    return node.kind !== kind || place === undefined ? [] : [`M${place.x} ${place.y}h${width}v${height}h${-width}z`];
  });
  return <path className={`lyftnb-mod-${kind}`} d={boxes.join('')} />;
});

/** What is out of view lies under a shade. */
function Mask({ x, y, width, height }: { x: number; y: number; width: number; height: number }): JSX.Element {
  const view = useStore(viewOf);
  return <path className="lyftnb-Minimap-mask" fillRule="evenodd" d={`M${x} ${y}h${width}v${height}h${-width}z${view}`} />;
}

function viewOf({ transform: [x, y, zoom], width, height }: ReactFlowState): string {
  const [wide, high] = [width / zoom, height / zoom];
  return `M${-x / zoom} ${-y / zoom}h${wide}v${high}h${-wide}z`;
}

/** The bounds of the graph, with a margin, in the shape of the minimap. */
function framed(graph: Graph, places: Places): { x: number; y: number; width: number; height: number } {
  const { x, y, width, height } = boundsOf(graph, places) ?? { x: 0, y: 0, ...SIZE };
  const scale = Math.max(width / (SIZE.width - 2 * MARGIN), height / (SIZE.height - 2 * MARGIN));
  const [wide, high] = [SIZE.width * scale, SIZE.height * scale];
  return { x: x - (wide - width) / 2, y: y - (high - height) / 2, width: wide, height: high };
}

/** The graph to look at and to work on: React Flow, with keys, dropping and connecting of our own. */
import { Background, BackgroundVariant, ConnectionLineType, MiniMap, ReactFlow, SelectionMode } from '@xyflow/react';
import type { JSX } from 'react';
import { useActions } from '../hands';
import { useEditor } from '../model';
import { useWorkbench } from '../workbench';
import { useCamera, ZOOM } from './camera';
import { useConnecting } from './connecting';
import { useDropping } from './dropping';
import { ChannelLine } from './edges';
import { useFlow } from './useFlow';
import type { AnyNode, ChannelEdge } from './flow';
import { RegionBox, SpoolNode, StepNode } from './nodes';

const NODE_TYPES = { step: StepNode, spool: SpoolNode, region: RegionBox };
const EDGE_TYPES = { channel: ChannelLine };
const WORDS = { 'minimap.ariaLabel': 'Overview of the graph' };

export function Canvas(): JSX.Element {
  const { document } = useEditor();
  const bench = useWorkbench();
  const actions = useActions();
  const connecting = useConnecting();
  const flow = useFlow(connecting.refusals);
  const dropping = useDropping();
  const pane = useCamera();

  return (
    <div
      ref={pane}
      className="lyftnb-Canvas"
      role="application"
      aria-roledescription="graph"
      aria-label={`Graph of ${String(document?.workflow ?? 'a workflow')}. Arrows walk along the edges, question mark lists the keys; the outline holds the same as a tree.`}
      tabIndex={0}
      {...dropping}
    >
      <Arrows />
      <ReactFlow<AnyNode, ChannelEdge>
        nodes={flow.nodes}
        edges={flow.edges}
        nodeTypes={NODE_TYPES}
        edgeTypes={EDGE_TYPES}
        onNodesChange={flow.onNodesChange}
        onEdgesChange={flow.onEdgesChange}
        onNodeDragStop={flow.onNodeDragStop}
        onSelectionDragStop={flow.onSelectionDragStop}
        onNodeContextMenu={flow.onNodeContextMenu}
        onEdgeContextMenu={flow.onEdgeContextMenu}
        onSelectionContextMenu={flow.onPaneContextMenu}
        onPaneContextMenu={flow.onPaneContextMenu}
        onPaneClick={flow.onPaneClick}
        onNodeDoubleClick={() => bench.goTo('inspector')}
        onConnect={connecting.onConnect}
        onConnectStart={connecting.onConnectStart}
        onConnectEnd={connecting.onConnectEnd}
        isValidConnection={connecting.isValidConnection}
        connectionLineType={ConnectionLineType.Bezier}
        onlyRenderVisibleElements
        nodesFocusable={false}
        edgesFocusable={false}
        nodesConnectable={actions.canEdit}
        elevateNodesOnSelect={false}
        deleteKeyCode={null}
        selectionKeyCode="Shift"
        multiSelectionKeyCode={['Control', 'Meta']}
        panActivationKeyCode={null}
        zoomActivationKeyCode={['Control', 'Meta']}
        selectionMode={SelectionMode.Partial}
        panOnScroll
        zoomOnDoubleClick={false}
        disableKeyboardA11y
        minZoom={ZOOM.least}
        maxZoom={ZOOM.most}
        proOptions={{ hideAttribution: true }}
        ariaLabelConfig={WORDS}
      >
        <Background variant={BackgroundVariant.Dots} gap={24} size={1} />
        <MiniMap<AnyNode>
          pannable
          zoomable
          style={{ width: 148, height: 96 }}
          nodeClassName={node => `lyftnb-mod-${node.type}`}
          className="lyftnb-MiniMap"
        />
      </ReactFlow>
      {bench.graph.nodes.length === 0 && document !== null && (
        <div className="lyftnb-Canvas-empty">
          <p>This workflow has no steps yet.</p>
          {actions.canEdit && (
            <button type="button" className="lyftnb-Button" onClick={() => bench.open({ kind: 'add' })}>
              Add the first step <kbd>A</kbd>
            </button>
          )}
        </div>
      )}
    </div>
  );
}

/** Arrow heads of one size, whatever the line; the browser finds them by their names. */
function Arrows(): JSX.Element {
  return (
    <svg className="lyftnb-Arrows" aria-hidden="true">
      <defs>
        {['plain', 'strong'].map(kind => (
          <marker
            key={kind}
            id={`lyftnb-arrow-${kind}`}
            className={`lyftnb-Arrow lyftnb-mod-${kind}`}
            viewBox="0 0 10 10"
            refX="9"
            refY="5"
            markerWidth="10"
            markerHeight="10"
            markerUnits="userSpaceOnUse"
            orient="auto-start-reverse"
          >
            <path d="M0 0L10 5L0 10z" />
          </marker>
        ))}
      </defs>
    </svg>
  );
}

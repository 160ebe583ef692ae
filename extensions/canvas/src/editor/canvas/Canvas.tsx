/** The graph to look at and to work on: React Flow, with keys, dropping and connecting of our own. */
import { Background, BackgroundVariant, ConnectionLineType, ReactFlow, SelectionMode, useStoreApi } from '@xyflow/react';
import { useState, type JSX } from 'react';
import { useActions } from '../hands';
import { useEditor } from '../model';
import { useWorkbench } from '../workbench';
import { useCamera, ZOOM } from './camera';
import { useConnecting } from './connecting';
import { useDropping } from './dropping';
import { ChannelLine } from './edges';
import { FarContext, useZoomedOut } from './far';
import type { AnyNode, ChannelEdge } from './flow';
import { RegionBox, SpoolNode, StepNode } from './nodes';
import { Minimap } from './Minimap';
import { useFlow } from './useFlow';

const NODE_TYPES = { step: StepNode, spool: SpoolNode, region: RegionBox };
const EDGE_TYPES = { channel: ChannelLine };
const PRO = { hideAttribution: true };
const MANY: string[] = ['Control', 'Meta'];

export function Canvas(): JSX.Element {
  const { document } = useEditor();
  const bench = useWorkbench();
  const actions = useActions();
  const connecting = useConnecting();
  const flow = useFlow(connecting.refusals);
  const dropping = useDropping();
  const pane = useCamera();
  const far = useZoomedOut();
  useOwnMeasures();

  return (
    <div
      ref={pane}
      className={`lyftnb-Canvas${far ? ' lyftnb-mod-far' : ''}`}
      role="application"
      aria-roledescription="graph"
      aria-label={`Graph of ${String(document?.workflow ?? 'a workflow')}. Arrows walk along the edges, question mark lists the keys; the outline holds the same as a tree.`}
      tabIndex={0}
      {...dropping}
    >
      <Arrows />
      <FarContext.Provider value={far}>
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
          onNodeDoubleClick={flow.onNodeDoubleClick}
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
          multiSelectionKeyCode={MANY}
          panActivationKeyCode={null}
          zoomActivationKeyCode={MANY}
          selectionMode={SelectionMode.Partial}
          panOnScroll
          zoomOnDoubleClick={false}
          disableKeyboardA11y
          minZoom={ZOOM.least}
          maxZoom={ZOOM.most}
          proOptions={PRO}
        >
          <Background variant={BackgroundVariant.Dots} gap={24} size={1} />
          <Minimap />
        </ReactFlow>
      </FarContext.Provider>
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

/** Nodes come with their sizes and handles. React Flow would measure each that comes into view all the
 * same, draw everything anew, and not find the handles of what is seen from afar. */
function useOwnMeasures(): void {
  const store = useStoreApi();
  useState(() => store.setState({ updateNodeInternals: () => undefined }));
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

/** Dropping from the palette: into a step, between two, or in the open. */
import { useReactFlow } from '@xyflow/react';
import type { DragEvent } from 'react';
import { useActions } from '../hands';
import { useEditor } from '../model';
import { useWorkbench } from '../workbench';
import { ENTRY_TYPE, entryById } from '../entries';

export interface Dropping {
  onDragOver(event: DragEvent): void;
  onDrop(event: DragEvent): void;
}

export function useDropping(): Dropping {
  const { palette } = useEditor();
  const { graph, camera } = useWorkbench();
  const actions = useActions();
  const flow = useReactFlow();
  return {
    onDragOver: event => {
      if (event.dataTransfer.types.includes(ENTRY_TYPE) && actions.canEdit) {
        event.preventDefault();
        event.dataTransfer.dropEffect = 'copy';
      }
    },
    onDrop: event => {
      const entry = entryById(palette, event.dataTransfer.getData(ENTRY_TYPE));
      if (entry === null) {
        return;
      }
      event.preventDefault();
      const at = flow.screenToFlowPosition({ x: event.clientX - 60, y: event.clientY - 20 });
      const under = event.target as Element;
      const node = under.closest('.react-flow__node')?.getAttribute('data-id') ?? '';
      const edgeId = under.closest('.react-flow__edge')?.getAttribute('data-id');
      const edge = graph.edges.find(one => one.id === edgeId);
      if (entry.entry === 'kind' && node.startsWith('step:')) {
        actions.addInto(entry.kind, node.slice('step:'.length));
      } else if (entry.entry === 'kind' && edge !== undefined) {
        actions.addBetween(entry.kind, edge, at);
      } else {
        actions.add(entry, at);
      }
      camera.current?.focus();
    }
  };
}

/** Connecting by mouse: live words on what fits, and a new step where the line ends in the open. */
import { useReactFlow, type Connection, type Edge, type FinalConnectionState, type OnConnectStartParams } from '@xyflow/react';
import { useCallback, useMemo, useState } from 'react';
import { refusalOf, type Source, type Target } from '../../graph/connect';
import { portsOf, stepsOf } from '../../graph/document';
import { stepId } from '../../graph/graph';
import { useActions } from '../hands';
import { useEditor, type Document } from '../model';
import { useWorkbench } from '../workbench';
import { MESSAGE_OUT, NEW_PORT } from './flow';

export interface Connecting {
  /** Node id → why the line that is drawn cannot end there. */
  refusals: ReadonlyMap<string, string>;
  onConnect(connection: Connection): void;
  onConnectStart(event: MouseEvent | TouchEvent, from: OnConnectStartParams): void;
  onConnectEnd(event: MouseEvent | TouchEvent, state: FinalConnectionState): void;
  isValidConnection(connection: Connection | Edge): boolean;
}

const NONE: ReadonlyMap<string, string> = new Map();

export function useConnecting(): Connecting {
  const { document } = useEditor();
  const { graph, open } = useWorkbench();
  const actions = useActions();
  const flow = useReactFlow();
  const [source, setSource] = useState<Source | null>(null);

  const refusals = useMemo(() => {
    if (source === null || document === null) {
      return NONE;
    }
    const all = Object.keys(stepsOf(document)).map(name => [stepId(name), refusalOf(document, source, { kind: 'step', name })] as const);
    return new Map(all.filter((entry): entry is readonly [string, string] => entry[1] !== null));
  }, [document, source]);

  const onConnectStart = useCallback(
    (_: MouseEvent | TouchEvent, from: OnConnectStartParams) =>
      setSource(document === null ? null : sourceAt(document, from.nodeId, from.handleId)),
    [document]
  );
  const onConnectEnd = useCallback(
    (event: MouseEvent | TouchEvent, state: FinalConnectionState) => {
      setSource(null);
      if (state.toNode === null && source !== null && 'clientX' in event && actions.canEdit) {
        const at = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
        open({ kind: 'add', at, source });
      }
    },
    [actions, flow, open, source]
  );
  const ends = useCallback(
    (connection: Connection | Edge): { from: Source; to: Target } | null => {
      const from = document === null ? null : sourceAt(document, connection.source, connection.sourceHandle ?? null);
      const node = graph.nodes.find(one => one.id === connection.target);
      const to: Target | null =
        node === undefined ? null : node.kind === 'step' ? { kind: 'step', name: node.name } : { kind: 'channel', name: node.name };
      return from === null || to === null ? null : { from, to };
    },
    [document, graph]
  );
  const isValidConnection = useCallback(
    (connection: Connection | Edge) => {
      const found = ends(connection);
      return found !== null && document !== null && refusalOf(document, found.from, found.to) === null;
    },
    [document, ends]
  );
  const onConnect = useCallback(
    (connection: Connection) => {
      const found = ends(connection);
      if (found !== null) {
        actions.connect(found.from, found.to);
      }
    },
    [actions, ends]
  );
  return { refusals, onConnect, onConnectStart, onConnectEnd, isValidConnection };
}

/** What a handle of a node stands for. */
function sourceAt(document: Document, node: string | null, handle: string | null): Source | null {
  const [kind, name = ''] = (node ?? '').split(':');
  if (kind === 'spool') {
    return { kind: 'channel', name };
  }
  if (handle === MESSAGE_OUT) {
    return { kind: 'message', step: name };
  }
  if (handle === 'rejects') {
    return { kind: 'rejects', step: name };
  }
  const port = portsOf(stepsOf(document)[name] ?? {}).find(one => one.name === handle);
  return port === undefined || handle === NEW_PORT
    ? { kind: 'new port', step: name }
    : { kind: 'port', step: name, port: port.name, channel: port.channel };
}

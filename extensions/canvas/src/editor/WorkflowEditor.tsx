/** The canvas over one draft, with all that belongs to it: the same in a document and in a notebook. */
import { ReactFlowProvider } from '@xyflow/react';
import { useEffect, useRef, type JSX, type MutableRefObject } from 'react';
import { Boundary } from '../boundary';
import type { Service } from '../service';
import type { PanelName } from './model';
import { Screen } from './Screen';
import type { Session } from './session';
import { EditorProvider, useNewSession } from './store';
import { WorkbenchProvider } from './workbench';

/** What whoever holds an editor may do with it. */
export interface EditorApi {
  /** Take another text. With `base`, the text that both came of, bring both changes together. */
  setText(text: string, base?: string): void;
  /** The text with all changes so far. */
  flush(): Promise<string>;
  focus(): void;
  undo(): void;
  redo(): void;
  openPanel(panel: PanelName | null): void;
  /** Run & trace on a sample, and show what comes out. */
  trace(): void;
}

export interface WorkflowEditorProps {
  service: Service;
  draft: string;
  text: string;
  file?: string;
  mode: 'edit' | 'show';
  readOnly?: boolean;
  /** Take the focus once there is something to work on, if it is nowhere yet. */
  autoFocus?: boolean;
  deployment?: string;
  start?: { panel?: PanelName; trace?: boolean; plan?: { ref: string; context?: string; name?: string } };
  onText?: (text: string) => void;
  onEdit?: () => void;
  apiRef?: MutableRefObject<EditorApi | null>;
}

export function WorkflowEditor(props: WorkflowEditorProps): JSX.Element {
  const { service, draft, text, file, mode, readOnly = false, deployment } = props;
  const latest = useRef(props);
  latest.current = props;
  const session = useNewSession({
    service,
    draft,
    text,
    file: file ?? null,
    readOnly: readOnly || mode === 'show',
    deployment: deployment ?? null,
    onText: now => latest.current.onText?.(now),
    onEdit: () => latest.current.onEdit?.()
  });
  const focus = useRef<() => void>(() => undefined);
  useApi(session, props.apiRef, focus);
  useStart(session, props.start);

  return session === null ? (
    <div className="lyftnb-Editor" aria-busy="true" />
  ) : (
    <EditorProvider session={session}>
      {/* Within the session, which keeps the draft and what can be undone. */}
      <Boundary service={service}>
        <ReactFlowProvider>
          <WorkbenchProvider>
            <Screen focusRef={focus} autoFocus={props.autoFocus ?? false} />
          </WorkbenchProvider>
        </ReactFlowProvider>
      </Boundary>
    </EditorProvider>
  );
}

function useApi(
  session: Session | null,
  apiRef: MutableRefObject<EditorApi | null> | undefined,
  focus: MutableRefObject<() => void>
): void {
  useEffect(() => {
    if (session === null || apiRef === undefined) {
      return undefined;
    }
    apiRef.current = {
      setText: (text, base) => void session.setText(text, base),
      flush: () => session.flush(),
      focus: () => focus.current(),
      undo: () => session.undo(),
      redo: () => session.redo(),
      openPanel: panel => session.openPanel(panel),
      trace: () => session.trace()
    };
    return () => {
      apiRef.current = null;
    };
  }, [session, apiRef, focus]);
}

/** What a view opens with, once. */
function useStart(session: Session | null, start: WorkflowEditorProps['start']): void {
  const begun = useRef<Session | null>(null);
  useEffect(() => {
    if (session === null || start === undefined || begun.current === session) {
      return;
    }
    begun.current = session;
    if (start.panel !== undefined) {
      session.openPanel(start.panel);
    }
    if (start.plan !== undefined) {
      session.showPlan(start.plan);
    }
    if (start.trace === true) {
      session.trace();
    }
  }, [session, start]);
}

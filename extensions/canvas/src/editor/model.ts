/** What the parts of the editor share: the draft as it stands, and the ways to change it.
 *
 * `EditorProvider` (in `store.tsx`) holds it; the canvas, the forms and the panels read it with
 * `useEditor` and change the document through `edit` alone, so that each gesture is one step of undo. */
import { createContext, useContext } from 'react';
import type {
  Difference,
  DeploymentView,
  Op,
  Palette,
  PlanView,
  Problem,
  Schemas,
  Shape,
  TraceResult,
  Trouble
} from '../protocol';
import type { Service } from '../service';

/** A workflow's document, as SPEC section 3 has it. */
export type Document = Record<string, unknown>;

/** Something that can be selected. A message edge goes by its ends and its tag. */
export type Part =
  | { kind: 'workflow' }
  | { kind: 'step'; name: string }
  | { kind: 'channel'; name: string }
  | { kind: 'message'; from: string; tag: string; to: string };

/** What is painted over the graph. */
export type Overlay =
  | { kind: 'none' }
  | { kind: 'trace'; trace: TraceResult; stale: boolean }
  | { kind: 'difference'; difference: Difference; title: string }
  | { kind: 'plan'; plan: PlanView }
  | { kind: 'live'; view: DeploymentView };

/** The panels below the canvas. */
export type PanelName = 'problems' | 'trace' | 'plan' | 'live' | 'text';

/** Where in the trace a person looks: a place of a step, its rejects or its rows. */
export interface TraceFocus {
  step: string;
  at: string;
  rejects: boolean;
}

export interface EditorModel {
  readonly service: Service;
  /** The draft's name at the service. */
  readonly draft: string;
  /** Null while the text is no document: only the text view helps then. */
  readonly document: Document | null;
  readonly revision: number;
  /** Null until the service has answered. */
  readonly palette: Palette | null;
  readonly schemas: Schemas | null;
  readonly shape: Shape | null;
  readonly problems: readonly Problem[];
  /** Whether all changes so far are validated. */
  readonly settled: boolean;
  readonly connected: boolean;
  /** Why the service has gone for good: what is here can be looked at and copied; null: it has not. */
  readonly ended: Trouble | null;
  readonly readOnly: boolean;
  readonly selection: readonly Part[];
  readonly overlay: Overlay;
  readonly panel: PanelName | null;
  readonly traceFocus: TraceFocus | null;
  /** Whether a trace is under way. */
  readonly tracing: boolean;
  /** Why the last trace failed. */
  readonly traceTrouble: Trouble | null;

  /** Change the document: one gesture, one step of undo. The same `merge` key within a second joins
   * the step before (typing in one field). */
  edit(ops: readonly Op[], label: string, options?: { merge?: string; select?: readonly Part[] }): void;
  undo(): void;
  redo(): void;
  select(parts: readonly Part[]): void;
  /** Select a part, bring it into view, and put the focus on the field that a path leads to. */
  reveal(path: Problem['path']): void;
  setOverlay(overlay: Overlay): void;
  /** Paint the draft and nothing else; what runs is watched no more. */
  showDraft(): void;
  /** Show a panel; null: none. Whoever leaves the live panel of a draft sees the draft again. */
  openPanel(panel: PanelName | null): void;
  focusTrace(focus: TraceFocus | null): void;
  /** Run & trace the draft on a sample; opens the trace panel. Runs again after each change while
   * the trace is shown. */
  trace(rows?: number): void;
  /** Text that the YAML view holds now; resolves once it is taken. */
  replaceText(text: string): Promise<void>;
  /** Say a short thing that went well or wrong, politely to screen readers, too; what is only
   * `spoken` can be seen anyway. */
  announce(message: string, kind?: 'info' | 'error' | 'spoken'): void;
}

export const EditorContext = createContext<EditorModel | null>(null);

export function useEditor(): EditorModel {
  const model = useContext(EditorContext);
  if (model === null) {
    throw new Error('useEditor needs an EditorProvider around it');
  }
  return model;
}

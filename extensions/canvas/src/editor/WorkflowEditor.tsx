/** The canvas over one draft. */
import type { JSX, MutableRefObject } from 'react';
import type { Service } from '../service';
import type { PanelName } from './model';

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
}

export interface WorkflowEditorProps {
  service: Service;
  draft: string;
  text: string;
  file?: string;
  mode: 'edit' | 'show';
  readOnly?: boolean;
  deployment?: string;
  start?: { panel?: PanelName; trace?: boolean; plan?: { ref: string; context?: string } };
  onText?: (text: string) => void;
  onDirty?: (dirty: boolean) => void;
  apiRef?: MutableRefObject<EditorApi | null>;
}

export function WorkflowEditor({ text }: WorkflowEditorProps): JSX.Element {
  return (
    <div className="lyftnb-Editor">
      <pre>{text}</pre>
    </div>
  );
}

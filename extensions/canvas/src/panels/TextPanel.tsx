/** The workflow as YAML, in step with the canvas: edits here go to the draft, changes there appear
 * here with the cursor where it was. */
import { autocompletion } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { bracketMatching, foldGutter, indentOnInput } from '@codemirror/language';
import { lintGutter, setDiagnostics } from '@codemirror/lint';
import { EditorState, Transaction } from '@codemirror/state';
import { EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { type JSX, type MutableRefObject, useEffect, useRef, useState } from 'react';
import { useEditor } from '../editor/model';
import { jupyterTheme } from '../forms/theme';
import { diagnosticsOf, patchBetween } from './text';

/** How long a pause in typing is before the text goes to the draft. */
const PAUSE_MS = 250;

export function TextPanel(): JSX.Element {
  const editor = useEditor();
  const { service, draft, revision, problems, readOnly, connected } = editor;
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const [pending, setPending] = useState(false);
  const [shown, setShown] = useState(0);
  const [failed, setFailed] = useState<string | null>(null);
  const send = useSend(editor.replaceText, view, setPending, setFailed);

  useEffect(() => {
    if (host.current === null) {
      return;
    }
    const made = new EditorView({ parent: host.current, state: stateOf(readOnly, send) });
    view.current = made;
    return () => {
      view.current = null;
      made.destroy();
    };
  }, [readOnly, send]);

  useEffect(() => {
    if (pending || !connected) {
      return; // what is being typed is newer than what the draft holds
    }
    const asked = new AbortController();
    service
      .ask('draft.text', { draft }, { signal: asked.signal })
      .then(source => {
        setFailed(null);
        if (view.current !== null && !asked.signal.aborted) {
          show(view.current, source.text);
          setShown(source.revision);
        }
      })
      .catch((error: Error) => !asked.signal.aborted && setFailed(error.message));
    return () => asked.abort();
  }, [service, draft, revision, pending, connected, readOnly]);

  useEffect(() => {
    if (view.current !== null) {
      const { state } = view.current;
      view.current.dispatch(setDiagnostics(state, diagnosticsOf(state.doc, problems)));
    }
  }, [problems, shown, pending]);

  return (
    <section className="lyftnb-Panel lyftnb-Text" aria-label="Workflow as YAML">
      <div className="lyftnb-Panel-bar">
        <span className="lyftnb-Panel-status" role="status">
          {failed ?? (pending ? 'Taking the change over…' : 'In step with the canvas. Comments and order are kept.')}
        </span>
      </div>
      <div ref={host} className="lyftnb-Text-host" />
    </section>
  );
}

/** Send what is typed after a pause; the newest text only. */
function useSend(
  replaceText: (text: string) => Promise<void>,
  view: MutableRefObject<EditorView | null>,
  setPending: (pending: boolean) => void,
  setFailed: (message: string | null) => void
): () => void {
  const timer = useRef<number>(0);
  const replace = useRef(replaceText);
  replace.current = replaceText;
  const typed = useRef(0);
  const send = useRef(() => {
    setPending(true);
    typed.current += 1;
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      const mine = typed.current;
      const text = view.current?.state.doc.toString();
      if (text !== undefined) {
        replace
          .current(text)
          .then(() => setFailed(null))
          .catch((error: Error) => setFailed(error.message))
          .finally(() => mine === typed.current && setPending(false));
      }
    }, PAUSE_MS);
  });
  return send.current;
}

function stateOf(readOnly: boolean, send: () => void): EditorState {
  return EditorState.create({
    doc: '',
    extensions: [
      lineNumbers(),
      foldGutter(),
      history(),
      bracketMatching(),
      indentOnInput(),
      highlightActiveLine(),
      autocompletion(),
      lintGutter(),
      yaml(),
      jupyterTheme,
      keymap.of([...defaultKeymap, ...historyKeymap]),
      EditorState.readOnly.of(readOnly),
      EditorView.contentAttributes.of({ 'aria-label': 'Workflow as YAML' }),
      EditorView.updateListener.of(update => {
        const byHand = update.transactions.some(one => one.docChanged && one.annotation(Transaction.remote) !== true);
        if (byHand) {
          send();
        }
      })
    ]
  });
}

/** Bring another text in with the smallest change, so that cursor and scroll stay. */
function show(view: EditorView, text: string): void {
  const patch = patchBetween(view.state.doc.toString(), text);
  if (patch !== null) {
    view.dispatch({
      changes: patch,
      annotations: [Transaction.remote.of(true), Transaction.addToHistory.of(false)]
    });
  }
}

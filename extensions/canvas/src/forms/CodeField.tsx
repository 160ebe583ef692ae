/** A piece of code in a form: an expression with completion, SQL or Python. */
import { autocompletion, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { python } from '@codemirror/lang-python';
import { sql } from '@codemirror/lang-sql';
import { Compartment, type Extension, EditorState, Transaction } from '@codemirror/state';
import { EditorView, keymap, tooltips } from '@codemirror/view';
import { type JSX, useEffect, useRef } from 'react';
import { completionsAt, type Vocabulary } from './completion';
import { jupyterTheme } from './theme';

export interface CodeFieldProps {
  language: 'expression' | 'sql' | 'python';
  value: string;
  label: string;
  /** Ids of what describes it: help, problems. */
  describedBy?: string;
  invalid: boolean;
  readOnly: boolean;
  vocabulary: Vocabulary;
  onChange: (value: string) => void;
}

export function CodeField(props: CodeFieldProps): JSX.Element {
  const { language, value, label, describedBy, invalid, readOnly } = props;
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(props);
  latest.current = props;

  const settings = useRef(new Compartment());

  useEffect(() => {
    const made = new EditorView({
      parent: host.current!,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          languageOf(language, latest),
          history(),
          keymap.of([...completionKeymap, ...historyKeymap, ...defaultKeymap]),
          // Beside the page, not within the form, which would cut it off.
          tooltips({ position: 'fixed', parent: document.body }),
          EditorView.lineWrapping,
          settings.current.of(settingsOf(latest.current)),
          jupyterTheme,
          EditorView.updateListener.of(update => {
            if (update.transactions.some(one => one.docChanged && one.annotation(Transaction.remote) !== true)) {
              latest.current.onChange(update.state.doc.toString());
            }
          })
        ]
      })
    });
    view.current = made;
    return () => made.destroy();
  }, [language]);

  // Not by a new editor: the cursor stays while problems come and go.
  useEffect(() => {
    view.current?.dispatch({ effects: settings.current.reconfigure(settingsOf(latest.current)) });
  }, [label, describedBy, invalid, readOnly]);

  useEffect(() => {
    const held = view.current;
    if (held !== null && held.state.doc.toString() !== value) {
      held.dispatch({
        changes: { from: 0, to: held.state.doc.length, insert: value },
        annotations: Transaction.remote.of(true)
      });
    }
  }, [value]);

  return <div ref={host} className={`lyftnb-Code lyftnb-mod-${language}`} data-invalid={invalid || undefined} />;
}

function settingsOf({ label, describedBy, invalid, readOnly }: CodeFieldProps): Extension {
  const described: Record<string, string> = describedBy === undefined ? {} : { 'aria-describedby': describedBy };
  return [
    EditorState.readOnly.of(readOnly),
    EditorView.contentAttributes.of({ 'aria-label': label, 'aria-invalid': String(invalid), ...described })
  ];
}

function languageOf(language: CodeFieldProps['language'], latest: { current: CodeFieldProps }): Extension {
  if (language === 'python') {
    return [python(), autocompletion()];
  }
  const source = (context: Parameters<typeof completionsAt>[1]) => completionsAt(latest.current.vocabulary, context);
  return [sql(), autocompletion({ override: [source], icons: false })];
}

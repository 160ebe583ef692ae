/** One statement over the spools and the state tables, with completion of their names. */
import { autocompletion, closeBrackets, closeCompletion } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { PostgreSQL, sql, type SQLNamespace } from '@codemirror/lang-sql';
import { Compartment, EditorState, Prec } from '@codemirror/state';
import { EditorView, keymap } from '@codemirror/view';
import { useEffect, useRef, useState, type JSX, type MutableRefObject } from 'react';
import { jupyterTheme } from '../../forms/theme';
import { RowsTable } from '../../panels/RowsTable';
import type { SpoolInfo, Table } from '../../protocol';
import type { Service } from '../../service';
import { useDoing } from '../asking';
import { many, seconds } from '../format';
import { TroubleNote } from '../parts';

const LIMIT = 1000;
export interface SqlBoxProps {
  service: Service;
  spools: readonly SpoolInfo[];
  /** What the first statement reads. */
  first: string;
  /** The statement, for when the box is shown again; null: the first one. */
  kept: MutableRefObject<string | null>;
}

export function SqlBox({ service, spools, first, kept }: SqlBoxProps): JSX.Element {
  const [result, setResult] = useState<{ table: Table; took: number } | null>(null);
  const { doing, trouble, run } = useDoing();
  const ask = (text: string): void => {
    const since = performance.now();
    run(() =>
      service
        .ask('sql', { text, limit: LIMIT })
        .then(
          table => setResult({ table, took: (performance.now() - since) / 1000 }),
          (reason: unknown) => {
            setResult(null); // it would stand there as if it were this one's
            throw reason;
          }
        )
    );
  };
  const box = useStatement(`SELECT * FROM ${first} LIMIT 100`, spools, kept, ask);
  return (
    <div className="lyftnb-SqlBox">
      <div className="lyftnb-SqlBox-text" ref={box.parent} />
      <div className="lyftnb-Pages">
        <button
          type="button"
          className="lyftnb-Button"
          disabled={doing}
          title="Ctrl+Enter, or Cmd+Enter"
          onClick={() => ask(box.text())}
        >
          {doing ? 'Running…' : 'Run'}
        </button>
        {result && (
          <span role="status">
            {many(result.table.rows.length, 'row')}
            {result.table.rows.length === LIMIT && ', the first ones,'} in {seconds(result.took)}
          </span>
        )}
      </div>
      <TroubleNote trouble={trouble} />
      {result && <RowsTable table={result.table} label="Result" />}
    </div>
  );
}

interface Statement {
  parent: (element: HTMLDivElement | null) => void;
  text(): string;
}

/** A CodeMirror editor that keeps its text while the spools it knows come and go. A statement that nobody
 * has touched follows what is looked at. */
function useStatement(
  first: string,
  spools: readonly SpoolInfo[],
  kept: MutableRefObject<string | null>,
  run: (text: string) => void
): Statement {
  const [parent, setParent] = useState<HTMLDivElement | null>(null);
  const editor = useRef<EditorView | null>(null);
  const language = useRef(new Compartment());
  const latest = useRef({ run, first, spools });
  latest.current = { run, first, spools };

  useEffect(() => {
    if (parent === null) {
      return undefined;
    }
    const submit = (view: EditorView): boolean => {
      closeCompletion(view); // it would lie over the result
      latest.current.run(view.state.doc.toString());
      return true;
    };
    const view = new EditorView({
      parent,
      state: EditorState.create({
        doc: kept.current ?? latest.current.first,
        extensions: [
          Prec.highest(keymap.of([{ key: 'Mod-Enter', run: submit }])),
          history(),
          closeBrackets(),
          autocompletion(),
          keymap.of([...defaultKeymap, ...historyKeymap]),
          jupyterTheme,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': 'SQL statement' }),
          EditorView.updateListener.of(update => {
            const text = update.state.doc.toString();
            kept.current = text === latest.current.first ? null : text;
          }),
          language.current.of(dialect(latest.current.spools))
        ]
      })
    });
    editor.current = view;
    return () => {
      editor.current = null;
      view.destroy();
    };
  }, [parent, kept]);

  useEffect(() => {
    const view = editor.current;
    if (view !== null && kept.current === null && view.state.doc.toString() !== first) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: first } });
    }
  }, [first, kept]);

  const names = spools.map(each => each.spool).join(' ');
  useEffect(() => {
    const effects = language.current.reconfigure(dialect(latest.current.spools));
    editor.current?.dispatch({ effects });
  }, [names]);
  return { parent: setParent, text: () => editor.current?.state.doc.toString() ?? first };
}

function dialect(spools: readonly SpoolInfo[]): ReturnType<typeof sql> {
  return sql({ dialect: PostgreSQL, schema: namespaceOf(spools), upperCaseKeywords: true });
}

/** Deployments as schemas, their channels as tables with columns. */
export function namespaceOf(spools: readonly SpoolInfo[]): SQLNamespace {
  const found: Record<string, Record<string, string[]>> = {};
  for (const { spool, schema } of spools) {
    const [deployment = '', channel = ''] = spool.split('.');
    (found[deployment] ??= {})[channel] = schema?.fields?.map(field => field.name) ?? [];
  }
  return found;
}

/** A CodeMirror editor for YAML that takes the text of others without losing the cursor. */
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import {
  bracketMatching,
  foldGutter,
  foldKeymap,
  indentOnInput,
  indentUnit
} from '@codemirror/language';
import { lintGutter, setDiagnostics, type Diagnostic } from '@codemirror/lint';
import { Compartment, EditorState, Transaction, type Extension, type Text } from '@codemirror/state';
import { EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { jupyterTheme } from '../forms/theme';
import type { Problem } from '../protocol';

/** Marks changes that came from outside: they are nobody's typing, and not for Ctrl+Z here. */
const OUTSIDE = [Transaction.remote.of(true), Transaction.addToHistory.of(false)];

export interface YamlEditor {
  view: EditorView;
  /** Make the editor say `text`; only what differs is replaced, so that the cursor stays. */
  take(text: string): void;
  mark(problems: readonly Problem[]): void;
  setReadOnly(readOnly: boolean): void;
  /** Bring a line into view, and put the cursor there. */
  show(line: number): void;
}

export function yamlEditor(parent: HTMLElement, typed: (text: string) => void): YamlEditor {
  const editable = new Compartment();
  const view = new EditorView({
    parent,
    state: EditorState.create({
      extensions: [
        ...basics(),
        editable.of([]),
        EditorView.updateListener.of(update => {
          const ours = update.transactions.some(each => each.annotation(Transaction.remote));
          if (update.docChanged && !ours) {
            typed(update.state.doc.toString());
          }
        })
      ]
    })
  });
  return {
    view,
    take(text) {
      const change = difference(view.state.doc.toString(), text);
      if (change !== null) {
        view.dispatch({ changes: change, annotations: OUTSIDE });
      }
    },
    mark(problems) {
      const found = problems.flatMap(problem => diagnostic(view.state.doc, problem));
      view.dispatch(setDiagnostics(view.state, found));
    },
    setReadOnly(readOnly) {
      const locked: Extension = readOnly ? [EditorState.readOnly.of(true), EditorView.editable.of(false)] : [];
      view.dispatch({ effects: editable.reconfigure(locked) });
    },
    show(line) {
      if (line <= view.state.doc.lines) {
        const at = view.state.doc.line(line).from;
        view.dispatch({
          selection: { anchor: at },
          effects: EditorView.scrollIntoView(at, { y: 'start', yMargin: 40 })
        });
      }
    }
  };
}

function basics(): Extension[] {
  return [
    lineNumbers(),
    lintGutter(),
    foldGutter(),
    history(),
    indentOnInput(),
    indentUnit.of('  '),
    bracketMatching(),
    highlightActiveLine(),
    yaml(),
    jupyterTheme,
    // Escape, then Tab leaves the editor: CodeMirror's own way out for keyboards.
    keymap.of([...defaultKeymap, ...historyKeymap, ...foldKeymap, indentWithTab]),
    EditorView.contentAttributes.of({ 'aria-label': 'The workflow as YAML' })
  ];
}

/** The one replacement that turns a text into another; null if they are the same. */
export function difference(
  before: string,
  after: string
): { from: number; to: number; insert: string } | null {
  if (before === after) {
    return null;
  }
  const most = Math.min(before.length, after.length);
  let head = 0;
  while (head < most && before[head] === after[head]) {
    head += 1;
  }
  let tail = 0;
  while (tail < most - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) {
    tail += 1;
  }
  return { from: head, to: before.length - tail, insert: after.slice(head, after.length - tail) };
}

function diagnostic(text: Text, problem: Problem): Diagnostic[] {
  const { line } = problem;
  if (line == null || line < 1 || line > text.lines) {
    return [];
  }
  const { from, to, text: content } = text.line(line);
  const indent = content.length - content.trimStart().length;
  return [
    {
      from: Math.min(from + indent, to),
      to,
      severity: problem.severity === 'note' ? 'info' : problem.severity,
      source: problem.code,
      message: problem.hint ? `${problem.message} (${problem.hint})` : problem.message
    }
  ];
}

/** The line on which a step or a channel is written; null where it is not written out. */
export function lineOf(text: string, section: 'steps' | 'channels', name: string): number | null {
  let inside = false;
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\S/.test(line) && !line.startsWith('#')) {
      inside = line.startsWith(`${section}:`);
    } else if (inside && new RegExp(`^\\s+(['"]?)${name}\\1\\s*:`).test(line)) {
      return index + 1;
    }
  }
  return null;
}

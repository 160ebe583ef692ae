/** What may be written next in an expression: columns, functions, context variables, run values. */
import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import type { Column, SqlFunction } from '../protocol';

export interface Vocabulary {
  /** Null: not known here. */
  columns: readonly Column[] | null;
  functions: readonly SqlFunction[];
  /** Names of the workflow's own context. */
  variables: readonly string[];
}

const WORDS = [
  'AND', 'OR', 'NOT', 'IN', 'IS NULL', 'IS NOT NULL', 'BETWEEN', 'LIKE', 'CASE', 'WHEN', 'THEN', 'ELSE', 'END',
  'TRUE', 'FALSE', 'NULL'
]; // prettier-ignore
const RUN_VALUES: readonly [string, string][] = [
  ['run.id', 'this run'],
  ['run.fire', 'when it fired'],
  ['run.window_start', 'where its window begins'],
  ['run.window_end', 'where its window ends'],
  ['msg.', 'payload of the message that woke it'],
  ['var.', 'a run-time variable'],
  ['secret.', 'a secret: scope/name']
];

/** Completions at a place; `explicit`: asked for by Ctrl-Space. */
export function completionsAt(vocabulary: Vocabulary, context: CompletionContext): CompletionResult | null {
  const variable = context.matchBefore(/\{\{\s*\w*/);
  if (variable !== null) {
    return {
      from: variable.from + variable.text.length - /\w*$/.exec(variable.text)![0].length,
      options: vocabulary.variables.map(name => ({ label: name, apply: `${name}}}`, type: 'variable', detail: 'context' }))
    };
  }
  const value = context.matchBefore(/\$\{[\w.]*/);
  if (value !== null) {
    return {
      from: value.from + 2,
      options: RUN_VALUES.map(([label, info]) => ({
        label,
        info,
        apply: label.endsWith('.') ? label : `${label}}`,
        type: 'constant'
      }))
    };
  }
  const word = context.matchBefore(/"?\w+/);
  if (word === null && !context.explicit) {
    return null;
  }
  return { from: word?.from ?? context.pos, options: [...columns(vocabulary), ...functions(vocabulary), ...words()], validFor: /^"?\w*$/ };
}

function columns({ columns: known }: Vocabulary): Completion[] {
  return (known ?? []).map(({ name, type }) => ({
    label: name,
    apply: /^[A-Za-z_]\w*$/.test(name) ? name : `"${name.replace(/"/g, '""')}"`,
    detail: type,
    type: 'property',
    boost: 2
  }));
}

function functions({ functions: known }: Vocabulary): Completion[] {
  return known.map(({ name, signature, doc, aggregate }) => ({
    label: name,
    detail: signature,
    info: aggregate ? `${doc}\nOver all rows of a group.` : doc,
    apply: `${name}(`,
    type: 'function'
  }));
}

function words(): Completion[] {
  return WORDS.map(label => ({ label, type: 'keyword', boost: -1 }));
}

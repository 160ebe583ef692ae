import { CompletionContext } from '@codemirror/autocomplete';
import { EditorState } from '@codemirror/state';
import { expect, it } from 'vitest';
import { completionsAt, type Vocabulary } from './completion';

const VOCABULARY: Vocabulary = {
  columns: [
    { name: 'dep_time', type: 'BIGINT' },
    { name: 'tail num', type: 'VARCHAR' }
  ],
  functions: [{ name: 'count', signature: 'count(*)', doc: 'How many.', aggregate: true }],
  variables: ['min_distance']
};

function labels(text: string, explicit = false): Record<string, unknown> {
  const result = completionsAt(VOCABULARY, new CompletionContext(EditorState.create({ doc: text }), text.length, explicit));
  return Object.fromEntries((result?.options ?? []).map(one => [one.label, one.apply ?? one.label]));
}

it('knows columns, quoting those that need it, and functions', () => {
  expect(labels('de')).toMatchObject({ dep_time: 'dep_time', 'tail num': '"tail num"', count: 'count(' });
});

it('knows the context within braces, and closes them', () => {
  expect(labels('distance >= {{mi')).toEqual({ min_distance: 'min_distance}}' });
});

it('knows what a run has', () => {
  expect(labels('${run')).toMatchObject({ 'run.id': 'run.id}', 'msg.': 'msg.' });
});

it('keeps quiet until something is typed or asked for', () => {
  expect(labels('a + ')).toEqual({});
  expect(labels('a + ', true)).toHaveProperty('dep_time');
});

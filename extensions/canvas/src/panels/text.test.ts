import { Text } from '@codemirror/state';
import { expect, it } from 'vitest';
import { diagnosticsOf, patchBetween } from './text';

it.each([
  ['a: 1\nb: 2\n', 'a: 1\nb: 23\n'],
  ['aaaa', 'aa'],
  ['aa', 'aaaa'],
  ['', 'new'],
  ['steps: {}\n', '']
])('turns %j into %j by one change', (before, after) => {
  const patch = patchBetween(before, after)!;
  expect(before.slice(0, patch.from) + patch.insert + before.slice(patch.to)).toBe(after);
});

it('changes nothing where nothing differs', () => {
  expect(patchBetween('same', 'same')).toBeNull();
});

it('marks the line of a problem from its first word on, and never beyond the text', () => {
  const text = Text.of(['steps:', '  clean: {}']);
  const problem = { code: 'no_body', file: null, hint: 'Add one.', message: 'Nothing to do.', path: [] };
  const marks = diagnosticsOf(text, [
    { ...problem, line: 2, severity: 'error' },
    { ...problem, line: 99, severity: 'note' },
    { ...problem, line: null, severity: 'warning' }
  ]);
  expect(marks.map(({ from, to, severity }) => [from, to, severity])).toEqual([
    [9, 18, 'error'],
    [9, 18, 'info'],
    [0, 6, 'warning']
  ]);
  expect(marks[0]?.message).toBe('Nothing to do.\nAdd one.');
});

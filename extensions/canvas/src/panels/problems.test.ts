import { expect, it } from 'vitest';
import type { Problem } from '../protocol';
import { countsInWords, filtered, placeOf, problemsAt, SEVERITIES } from './problems';

const problem = (severity: Problem['severity'], path: Problem['path'], message = 'x'): Problem => ({
  code: 'bad',
  file: null,
  hint: '',
  line: null,
  message,
  path,
  severity
});
const NOTE = problem('note', ['channels', 'raw'], 'nobody reads it');
const ERROR = problem('error', ['steps', 'clean', 'actions', 1, 'derive', 'speed'], 'unknown column');

it('says where in words, counting as errors do', () => {
  expect(placeOf(ERROR.path)).toBe('clean › actions[1] › derive › speed');
  expect(placeOf(['channels', 'raw'])).toBe('channels › raw');
  expect(placeOf(['steps'])).toBe('steps');
  expect(placeOf([])).toBe('');
});

it('puts the worst first and filters by severity and all words', () => {
  expect(filtered([NOTE, ERROR], new Set(SEVERITIES), '')).toEqual([ERROR, NOTE]);
  expect(filtered([NOTE, ERROR], new Set(SEVERITIES), 'speed unknown')).toEqual([ERROR]);
  expect(filtered([NOTE, ERROR], new Set(['note']), '')).toEqual([NOTE]);
});

it('finds those at a field, and those within a part', () => {
  expect(problemsAt([NOTE, ERROR], ['steps', 'clean'])).toEqual([]);
  expect(problemsAt([NOTE, ERROR], ['steps', 'clean'], true)).toEqual([ERROR]);
  expect(problemsAt([NOTE, ERROR], ERROR.path)).toEqual([ERROR]);
});

it('counts in words', () => {
  expect(countsInWords([ERROR, ERROR, NOTE])).toBe('2 errors, 1 note');
  expect(countsInWords([])).toBe('No problems');
});

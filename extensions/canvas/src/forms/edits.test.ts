import { expect, it } from 'vitest';
import { at, freeKey, insert, move, put, remove, rename } from './edits';

const DOCUMENT = { steps: { clean: { actions: [{ filter: 'a > 1' }, { derive: { x: 'a' } }] } } };
const ACTIONS = ['steps', 'clean', 'actions'];

it('puts one value where its place is there', () => {
  const path = [...ACTIONS, 0, 'filter'];
  expect(put(DOCUMENT, path, 'a > 2')).toEqual([{ op: 'put', path, value: 'a > 2' }]);
});

it('makes the mappings on the way', () => {
  expect(put(DOCUMENT, ['steps', 'clean', 'retry', 'attempts'], 3)).toEqual([
    { op: 'put', path: ['steps', 'clean', 'retry'], value: { attempts: 3 } }
  ]);
});

it('takes the first item of a list that is not there', () => {
  expect(insert(DOCUMENT, ['steps', 'clean', 'emit'], 0, { tag: 'done' })).toEqual([
    { op: 'put', path: ['steps', 'clean', 'emit'], value: [{ tag: 'done' }] }
  ]);
  expect(insert(DOCUMENT, ACTIONS, 2, { limit: 1 })).toEqual([
    { op: 'insert', path: [...ACTIONS, 2], value: { limit: 1 } }
  ]);
});

it('moves within the list only', () => {
  expect(move(DOCUMENT, ACTIONS, 0, 1)).toEqual([
    { op: 'remove', path: [...ACTIONS, 0] },
    { op: 'insert', path: [...ACTIONS, 1], value: { filter: 'a > 1' } }
  ]);
  expect(move(DOCUMENT, ACTIONS, 0, -1)).toEqual([]);
});

it('renames in place, and never over another', () => {
  const path = [...ACTIONS, 1, 'derive', 'x'];
  expect(rename(DOCUMENT, path, 'y')).toEqual([{ op: 'rename', path, value: 'y' }]);
  expect(rename({ a: 1, b: 2 }, ['a'], 'b')).toEqual([]);
});

it('removes only what is there', () => {
  expect(remove(DOCUMENT, ['steps', 'gone'])).toEqual([]);
  expect(at(DOCUMENT, [...ACTIONS, 1, 'derive', 'x'])).toBe('a');
});

it('finds a free key', () => {
  expect(freeKey({ column: 1, column_2: 1 }, 'column')).toBe('column_3');
});

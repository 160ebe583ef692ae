import { expect, it } from 'vitest';
import type { PartChange } from '../../protocol';
import { inWords, linesOfPart, noteOf, pathOf } from './fields';

const PART: PartChange = { part: 'step', name: 'clean', mark: 'update', was: null, fields: [] };

it('reads dotted paths', () => {
  expect(pathOf('actions[1].derive.speed')).toEqual(['actions', 1, 'derive', 'speed']);
  expect(pathOf('group')).toEqual(['group']);
});

it('says values as a person would write them', () => {
  expect(inWords({ by: ['a', 'b'], n: 2, on: true, none: null })).toBe('{by: [a, b], n: 2, on: true, none: none}');
});

it('tells what is new, gone and other, below the part', () => {
  const path = (key: string): (string | number)[] => ['steps', 'clean', 'actions', 0, key];
  const lines = linesOfPart({
    ...PART,
    fields: [
      { path: path('a'), before: null, after: 1 },
      { path: path('b'), before: 'x', after: null },
      { path: path('c'), before: 'SELECT 1\nFROM t', after: 'SELECT 2' }
    ]
  });
  expect(lines.map(line => [line.sign, line.place, line.long])).toEqual([
    ['+', 'actions[0] › a', false],
    ['-', 'actions[0] › b', false],
    ['~', 'actions[0] › c', true]
  ]);
});

it('keeps the whole path of what is the workflow’s own', () => {
  const fields = [{ path: ['description'], before: 'a', after: 'b' }];
  expect(linesOfPart({ ...PART, part: 'workflow', fields })[0]?.place).toBe('description');
});

it('notes names and places that changed', () => {
  expect(noteOf({ ...PART, was: 'wash' })).toBe('renamed from wash');
  expect(noteOf({ ...PART, mark: 'moved' })).toContain('place on the canvas');
  expect(noteOf(PART)).toBe('');
});

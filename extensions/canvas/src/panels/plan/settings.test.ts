import { expect, it } from 'vitest';
import { placesOf, withGroup, withReplicas } from './settings';
import { DRAFT } from './way';

const CHOICE = { version: DRAFT, context: null, groups: { b: 'etl' }, replicas: { b: 2 } };

it('shows what was applied before what the document says', () => {
  const document = { steps: { a: { group: 'etl', replicas: 2 }, b: null } };
  expect(placesOf(document, null)).toEqual([
    { step: 'a', group: 'etl', replicas: 2 },
    { step: 'b', group: 'default', replicas: null }
  ]);
  expect(placesOf(document, { groups: { a: 'gpu' }, replicas: { b: 3 } })).toEqual([
    { step: 'a', group: 'gpu', replicas: 2 },
    { step: 'b', group: 'default', replicas: 3 }
  ]);
});

it('writes the same choice the same way, and takes one back', () => {
  expect(Object.keys(withGroup(CHOICE, 'a', 'gpu').groups ?? {})).toEqual(['a', 'b']);
  expect(withGroup(CHOICE, 'b', '')).toEqual({ groups: {} });
});

it('takes whole numbers from 1 on', () => {
  expect(withReplicas(CHOICE, 'a', '4')).toEqual({ replicas: { a: 4, b: 2 } });
  expect(['', '0', '1.5', '-1'].map(text => withReplicas(CHOICE, 'b', text))).toEqual(Array(4).fill({ replicas: {} }));
});

import { expect, it } from 'vitest';
import type { PlanView } from '../../protocol';
import { countsOf, groupsOf } from './changes';

type Change = PlanView['changes'][number];

const KEPT: Change = { noun: 'job', verb: 'keep', step: 'read', fields: [], renamed_from: null };
const RENAMED: Change = { ...KEPT, step: 'clean', renamed_from: 'wash' };
const UPDATED: Change = {
  noun: 'job',
  verb: 'update',
  step: 'pick',
  renamed_from: null,
  fields: [{ path: 'actions[0].filter', before: 'a > 1', after: 'a > 2' }]
};
const DROPPED: Change = {
  noun: 'checkpoint',
  fate: 'drop',
  step: 'load',
  input: 'picked',
  moved_from: null,
  now: false,
  unread: 3,
  why: 'the step is gone'
};
const FROM_NOW: Change = { ...DROPPED, fate: 'start', now: true, why: 'as asked', unread: 1 };
const STATE: Change = {
  noun: 'state',
  fate: 'keep',
  step: 'pick',
  action: 'dedupe[0]',
  kept_as: 'marks',
  moved_from: null,
  why: ''
};
const COLUMN: Change = { noun: 'schema', channel: 'rides', column: 'price', before: null, after: 'DOUBLE' };
const HISTORY: Change = {
  noun: 'history',
  channel: 'rides',
  rows: 120,
  bytes: 2048,
  because: ['clean'],
  reads_rows: 120,
  reads_bytes: 4000
};

it('counts what stays, and tells what does not', () => {
  const [steps] = groupsOf([KEPT, RENAMED, UPDATED]);
  expect(steps).toMatchObject({ title: 'Steps', unchanged: 1 });
  expect(steps?.lines.map(line => [line.sign, line.verb, line.subject, line.detail])).toEqual([
    ['~', 'move', 'clean', 'renamed from wash'],
    ['~', 'update', 'pick', '']
  ]);
  expect(steps?.lines[1]?.fields).toEqual([
    { sign: '~', place: 'actions[0] › filter', before: 'a > 1', after: 'a > 2', long: false }
  ]);
});

it('asks to accept what is lost or left out, by the name that the apply wants', () => {
  const [places, states] = groupsOf([DROPPED, FROM_NOW, STATE, { ...STATE, fate: 'reset', why: 'other keys' }]);
  expect(places?.lines.map(line => [line.sign, line.accept])).toEqual([
    ['!', 'drop:load/picked'],
    ['!', 'start:load/picked']
  ]);
  expect(places?.lines[0]?.detail).toBe('the step is gone; 3 rows unread');
  expect(places?.lines[1]?.detail).toBe('as asked; 1 row left out');
  expect(states).toMatchObject({ unchanged: 1 });
  expect(states?.lines.map(line => line.accept)).toEqual(['reset:pick/dedupe[0]']);
});

it('puts effects on data together, with what a backfill would read', () => {
  const groups = groupsOf([COLUMN, HISTORY, { ...HISTORY, reads_rows: null, reads_bytes: null }]);
  expect(groups.map(group => group.title)).toEqual(['Effects on data']);
  const [column, history, outside] = groups[0]?.lines ?? [];
  expect(column).toMatchObject({ sign: '+', subject: 'price of rides', detail: 'DOUBLE' });
  expect(history?.detail).toBe(
    '120 rows, 2.0 kB, made before the change of clean; a backfill would read 120 rows, 4.0 kB'
  );
  expect(outside?.detail).toContain('read its outside input again');
});

it('says of rows that are older than the first apply that runs have made them', () => {
  const [effects] = groupsOf([{ ...HISTORY, because: [] }]);
  expect(effects?.lines[0]?.detail).toContain('made by runs before the first apply; a backfill');
});

it('sums up by verb, without effects', () => {
  expect(countsOf([KEPT, RENAMED, UPDATED, DROPPED, COLUMN, HISTORY])).toBe('1 to move, 1 to update, 1 to drop');
  expect(countsOf([KEPT, STATE])).toBe('');
});

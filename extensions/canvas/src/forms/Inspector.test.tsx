// @vitest-environment jsdom
import { cleanup, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';
import { EditorContext, type EditorModel } from '../editor/model';
import type { Kind, Palette, Problem } from '../protocol';
import { Inspector } from './Inspector';

const scalar = { anyOf: ['string', 'integer', 'number', 'boolean', 'null'].map(type => ({ type })) };
const kind = (name: string, params: Kind['params'], example: unknown): Kind => ({
  family: 'action',
  name,
  summary: `What ${name} does`,
  doc: '',
  icon: '',
  params,
  example: example as Kind['example']
});
const PALETTE: Palette = {
  document: {},
  functions: [],
  groups: [],
  kinds: [
    kind('derive', { type: 'object', additionalProperties: scalar }, { x: '1' }),
    kind('limit', { anyOf: [{ type: 'integer' }, { type: 'object', properties: { rows: { type: 'integer' } }, required: ['rows'], additionalProperties: false }] }, 2)
  ],
  settings: {
    step: {
      type: 'object',
      properties: { replicas: { anyOf: [{ type: 'integer', minimum: 1 }, { type: 'null' }], default: null } }
    }
  }
};
const DOCUMENT = { workflow: 'flights', steps: { clean: { actions: [{ derive: { speed: 'a' } }, { limit: 2 }], replicas: 2 } } };
const PROBLEM: Problem = {
  code: 'bad_replicas',
  file: null,
  hint: 'Take fewer.',
  line: 3,
  message: 'Too many',
  path: ['steps', 'clean', 'replicas'],
  severity: 'error'
};

function show(more: Partial<EditorModel> = {}, onRename = vi.fn()): ReturnType<typeof vi.fn> {
  const edit = vi.fn();
  const model = {
    document: DOCUMENT,
    palette: PALETTE,
    schemas: null,
    problems: [PROBLEM],
    readOnly: false,
    selection: [{ kind: 'step', name: 'clean' }],
    edit,
    ...more
  } as unknown as EditorModel;
  render(<EditorContext.Provider value={model}><Inspector onRename={onRename} /></EditorContext.Provider>);
  return edit;
}

afterEach(cleanup);

it('renames a column in its place', async () => {
  const edit = show();
  const name = screen.getByRole('textbox', { name: 'Name 1 of Derive' });
  await userEvent.clear(name);
  await userEvent.type(name, 'mph{Enter}');
  expect(edit).toHaveBeenCalledExactlyOnceWith(
    [{ op: 'rename', path: ['steps', 'clean', 'actions', 0, 'derive', 'speed'], value: 'mph' }],
    'Rename speed to mph',
    undefined
  );
});

it('says whose form it is before it has the form', () => {
  show({ palette: null });
  expect(screen.getByRole('heading', { name: 'clean step' })).toBeTruthy();
});

it('asks for another name of the step', async () => {
  const onRename = vi.fn();
  show({}, onRename);
  await userEvent.click(screen.getByRole('button', { name: 'Rename…' }));
  expect(onRename).toHaveBeenCalledExactlyOnceWith({ kind: 'step', name: 'clean' });
});

it('offers the columns that reach an action', async () => {
  const cast = kind('cast', { type: 'object', propertyNames: { format: 'column' }, additionalProperties: { type: 'string' } }, {});
  const edit = show({
    document: { steps: { clean: { actions: [{ cast: {} }] } } },
    palette: { ...PALETTE, kinds: [cast] },
    schemas: { revision: 1, channels: {}, steps: { clean: { before: [[{ name: 'n', type: 'BIGINT' }], null], tables: {} } } }
  });
  await userEvent.click(screen.getByRole('button', { name: '+ Add column' }));
  expect(edit.mock.lastCall?.[0]).toEqual([{ op: 'put', path: ['steps', 'clean', 'actions', 0, 'cast', 'n'], value: '' }]);
});

it('says what is wrong at the very field', () => {
  show();
  const field = screen.getByRole('textbox', { name: 'Replicas' });
  expect(field.getAttribute('aria-invalid')).toBe('true');
  const described = field.getAttribute('aria-describedby')!.split(' ').map(id => document.getElementById(id)?.textContent);
  expect(described.join(' ')).toContain('Too many (Take fewer.) bad_replicas');
});

it('writes numbers as numbers, and context variables as they are', async () => {
  const edit = show();
  const field = screen.getByRole('textbox', { name: 'Replicas' });
  await userEvent.type(field, '4');
  expect(edit.mock.lastCall?.[0]).toEqual([{ op: 'put', path: ['steps', 'clean', 'replicas'], value: 24 }]);
  await userEvent.clear(field);
  expect(edit.mock.lastCall?.[0]).toEqual([{ op: 'remove', path: ['steps', 'clean', 'replicas'] }]);
});

it('adds an action found by its name, by keyboard alone', async () => {
  const edit = show();
  await userEvent.type(screen.getByRole('combobox', { name: 'Add an action' }), 'lim{Enter}');
  expect(edit).toHaveBeenCalledExactlyOnceWith(
    [{ op: 'insert', path: ['steps', 'clean', 'actions', 2], value: { limit: 2 } }],
    'Add limit',
    undefined
  );
});

it('moves and duplicates actions', async () => {
  const edit = show();
  const second = within(screen.getByRole('group', { name: 'Action 2, limit' }));
  await userEvent.click(second.getByRole('button', { name: 'Move up' }));
  expect(edit.mock.lastCall?.[0]).toEqual([
    { op: 'remove', path: ['steps', 'clean', 'actions', 1] },
    { op: 'insert', path: ['steps', 'clean', 'actions', 0], value: { limit: 2 } }
  ]);
  await userEvent.click(second.getByRole('button', { name: 'Duplicate' }));
  expect(edit.mock.lastCall?.[0]).toEqual([
    { op: 'insert', path: ['steps', 'clean', 'actions', 2], value: { limit: 2 } }
  ]);
});

it('turns a short form into the long one and keeps what was written', async () => {
  const edit = show();
  await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Form of Limit' }), 'settings');
  expect(edit.mock.lastCall?.[0]).toEqual([
    { op: 'put', path: ['steps', 'clean', 'actions', 1, 'limit'], value: { rows: 2 } }
  ]);
});

it('offers no change where nothing may be changed', () => {
  show({ readOnly: true });
  expect(screen.queryByRole('button')).toBeNull();
});

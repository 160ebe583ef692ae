// @vitest-environment jsdom
import { cleanup, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { type JSX, useState } from 'react';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { EditorContext, type EditorModel, type Overlay, type TraceFocus } from '../editor/model';
import type { Followed, FollowRow, Problem, Table, TraceRows } from '../protocol';
import type { Service } from '../service';
import { TracePanel } from './TracePanel';
import { POINTS, TRACE } from './tracing.samples';

const ROWS: Table = {
  columns: [{ name: 'id', type: 'int64' }, { name: 'delay', type: 'string' }],
  rows: [[1, '5'], [2, 'x'], [3, '7']],
  offset: 0,
  total: 3
};
const REJECTS: Table = {
  columns: [{ name: '_row', type: 'string' }, { name: 'reason', type: 'string' }],
  rows: [['{"id": 2}', "'x' is no whole number"]],
  offset: 0,
  total: 1
};
const WAY: Followed = {
  exact: false,
  note: 'not followed through sum',
  sightings: [
    { step: 'read', at: 'input', rows: [1], rejected: [] },
    { step: 'clean', at: 'cast', rows: [], rejected: [0] }
  ]
};

beforeAll(() => {
  vi.setConfig({ testTimeout: 30_000 }); // typing in jsdom is slow on a busy machine
  globalThis.ResizeObserver = class {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  };
});
afterEach(cleanup);

function answer(op: string, params: unknown): unknown {
  if (op === 'trace.rows') {
    return (params as TraceRows).rejects ? REJECTS : ROWS;
  }
  return op === 'trace.follow' ? WAY : null;
}

interface Shown {
  trace: ReturnType<typeof vi.fn>;
  ask: ReturnType<typeof vi.fn>;
  reveal: ReturnType<typeof vi.fn>;
  openPanel: ReturnType<typeof vi.fn>;
}

function show(more: Partial<EditorModel> = {}): Shown {
  const ask = vi.fn((op: string, params: unknown) => Promise.resolve(answer(op, params)));
  const service = { ask, on: () => () => undefined, onConnection: () => () => undefined } as unknown as Service;
  const spies = { trace: vi.fn(), reveal: vi.fn(), openPanel: vi.fn() };
  const Editor = (): JSX.Element => {
    const [traceFocus, focusTrace] = useState<TraceFocus | null>(null);
    const model = {
      service,
      draft: 'd',
      document: { workflow: 'w', steps: {} },
      problems: [],
      selection: [],
      connected: true,
      overlay: { kind: 'trace', trace: TRACE, stale: false } satisfies Overlay,
      traceFocus,
      focusTrace,
      ...spies,
      ...more
    } as unknown as EditorModel;
    return <EditorContext.Provider value={model}><TracePanel /></EditorContext.Provider>;
  };
  render(<Editor />);
  return { ask, ...spies };
}

const strip = (): HTMLElement => screen.getByRole('listbox', { name: /^Places of the trace/ });
const current = (): string | null => within(strip()).getByRole('option', { selected: true }).getAttribute('title');

describe('without a trace', () => {
  it('says what to do, and runs with the sample that one wants', async () => {
    const { trace } = show({ overlay: { kind: 'none' } });
    expect(screen.getByText('See your data at every action.')).toBeTruthy();
    const rows = screen.getByRole('spinbutton', { name: 'Rows of each input' });
    await userEvent.clear(rows);
    await userEvent.type(rows, '500{Enter}');
    expect(trace).toHaveBeenCalledWith(500);
  });

  it('refuses a sample of no rows', async () => {
    const { trace } = show({ overlay: { kind: 'none' } });
    const rows = screen.getByRole('spinbutton', { name: 'Rows of each input' });
    await userEvent.clear(rows);
    await userEvent.type(rows, '0{Enter}');
    expect(trace).not.toHaveBeenCalled();
    expect(rows.getAttribute('aria-invalid')).toBe('true');
  });

  it('leads to the problems that stand in the way', async () => {
    const problem = { severity: 'error', path: [], message: 'no' } as unknown as Problem;
    const { openPanel } = show({ overlay: { kind: 'none' }, problems: [problem] });
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Run & trace' }).disabled).toBe(true);
    await userEvent.click(screen.getByRole('button', { name: 'Show the problems' }));
    expect(openPanel).toHaveBeenCalledWith('problems');
  });
});

describe('with a trace', () => {
  it('walks along the strip by keyboard', async () => {
    show();
    expect(current()).toBe('input: 3 rows, 1 reject');
    strip().focus();
    await userEvent.keyboard('{ArrowRight}{ArrowRight}');
    expect(current()).toBe('cast: 2 rows, 1 reject');
    await userEvent.keyboard('{ArrowUp}{End}');
    expect(current()).toBe('→ rest: 1 row');
    expect(await screen.findByRole('grid', { name: /^Rows of clean › → rest/ })).toBeTruthy();
  });

  it('shows rejects with their reasons', async () => {
    const { ask } = show();
    await userEvent.click(screen.getByRole('tab', { name: '⊘ Rejects 1' }));
    expect(await screen.findByText("'x' is no whole number")).toBeTruthy();
    expect(ask).toHaveBeenCalledWith(
      'trace.rows',
      expect.objectContaining({ trace: 'd#1', step: 'read', at: 'input', rejects: true }),
      expect.anything()
    );
  });

  it('follows a row to where it is rejected', async () => {
    const { ask } = show();
    (await screen.findByRole('grid', { name: /^Rows of read › input/ })).focus();
    await userEvent.keyboard('{ArrowDown}{Enter}');
    const way = await screen.findByRole('complementary', { name: 'The way of the followed row' });
    const followed: FollowRow = { trace: 'd#1', step: 'read', at: 'input', row: 1 };
    expect(ask).toHaveBeenCalledWith('trace.follow', followed, expect.anything());
    expect(await within(way).findByText('not followed through sum')).toBeTruthy();
    await userEvent.click(within(way).getByRole('button', { name: /clean › cast/ }));
    expect(await screen.findByRole('grid', { name: 'Rejects of clean › cast' })).toBeTruthy();
    expect(current()).toBe('cast: 2 rows, 1 reject');
    expect(within(strip()).getAllByRole('option', { name: /the followed row is here/ })).toHaveLength(2);
    await userEvent.click(within(way).getByRole('button', { name: 'Stop following' }));
    expect(screen.queryByRole('complementary')).toBeNull();
  });

  it('looks at what is selected on the canvas', () => {
    show({ selection: [{ kind: 'step', name: 'clean' }] });
    expect(current()).toBe('derive: 2 rows');
  });

  it('shows an error, and leads to its field', async () => {
    const failed = { ...POINTS[4]!, rows: 0, columns: [], error: 'no column speed' };
    const trace = { ...TRACE, points: [...POINTS.slice(0, 4), failed] };
    const { reveal } = show({ overlay: { kind: 'trace', trace, stale: true } });
    expect(screen.getByRole('alert').textContent).toContain('no column speed');
    expect(screen.getByText('From before the last change')).toBeTruthy();
    await userEvent.click(within(screen.getByRole('alert')).getByRole('button', { name: 'Go to its settings' }));
    expect(reveal).toHaveBeenCalledWith(['steps', 'clean', 'actions', 1]);
    await userEvent.click(screen.getByRole('button', { name: 'See the rows before it' }));
    expect(current()).toBe('cast: 2 rows, 1 reject');
  });

  it('can be cancelled while it is under way', async () => {
    const { ask } = show({ tracing: true });
    await userEvent.click(screen.getByRole('button', { name: 'Cancel' }));
    expect(ask).toHaveBeenCalledWith('trace.cancel', { draft: 'd' });
  });
});

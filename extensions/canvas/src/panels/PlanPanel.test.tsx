// @vitest-environment jsdom
import { act, cleanup, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useMemo, useState, type JSX } from 'react';
import { afterEach, expect, it, vi } from 'vitest';
import { Dialogue, type Question } from '../dialogue';
import { EditorContext, type EditorModel, type Overlay } from '../editor/model';
import type { PlanView, Trouble } from '../protocol';
import { PlanPanel } from './PlanPanel';

const PLAN = {
  id: 'rides-1',
  deployment: 'rides',
  ref: 'rides@2',
  context: null,
  based_on: 1,
  changes: [
    { noun: 'checkpoint', fate: 'drop', step: 'load', input: 'raw', moved_from: null, now: false, unread: 3, why: 'the step is gone' }
  ],
  problems: [],
  accept: ['drop:load/raw'],
  empty: false,
  text: '',
  parts: [],
  shape: {},
  document: {}
} as unknown as PlanView;
const VERSION = { ref: 'rides@2', workflow: 'rides', number: 2, digest: 'abcdef012345', published_at: '2026-01-01T00:00:00Z' };
const MADE = { name: 'rides', workflow: 'rides', version: 2, revision: 2, gate: null };
const STALE: Trouble = {
  code: 'plan_refused',
  message: 'the plan is stale',
  hint: 'lyftnb plan rides@2',
  where: null,
  facts: { stale: true },
  problems: []
};
const ANSWERS: Record<string, unknown> = {
  workspace: { root: 'ws', state: 'up', contexts: ['prod'], version: '1' },
  versions: [VERSION],
  deployments: [],
  publish: VERSION,
  plan: PLAN,
  apply: MADE
};

/** A workspace that answers at once, and what it was asked to do. */
function workspace(refusals: Trouble[] = []): { service: Dialogue; asked: Question[] } {
  const asked: Question[] = [];
  const service: Dialogue = new Dialogue(question => {
    asked.push(question);
    const problem = question.op === 'apply' ? refusals.shift() : undefined;
    const answer = problem ? { problem } : { result: ANSWERS[question.op] };
    queueMicrotask(() => act(() => service.receive({ id: question.id, ...answer })));
  });
  service.setConnected(true);
  return { service, asked };
}

function Page({ service, more }: { service: Dialogue; more: Partial<EditorModel> }): JSX.Element {
  const [overlay, setOverlay] = useState<Overlay>({ kind: 'none' });
  const [panel, openPanel] = useState<EditorModel['panel']>('plan');
  const model = useMemo(
    () => ({
      service,
      draft: 'd1',
      document: { workflow: 'rides', steps: {} },
      revision: 4,
      palette: null,
      problems: [],
      settled: true,
      readOnly: false,
      overlay,
      setOverlay,
      openPanel,
      announce: () => undefined,
      ...more
    }),
    [service, overlay, more]
  ) as unknown as EditorModel;
  return (
    <EditorContext.Provider value={model}>
      <PlanPanel />
      <output>
        {overlay.kind} {panel}
      </output>
    </EditorContext.Provider>
  );
}

const NOTHING_MORE = {};
const NEXT = '{Control>}{Enter}{/Control}';

async function open(service: Dialogue, more: Partial<EditorModel> = NOTHING_MORE): Promise<void> {
  render(<Page service={service} more={more} />);
  (await screen.findByRole('button', { name: 'Plan' })).focus();
}

function doings(asked: Question[]): [string, unknown][] {
  return asked
    .filter(({ op }) => ['publish', 'plan', 'apply'].includes(op))
    .map(({ op, params }) => [op, params]);
}

// They wait for what is to come; a busy machine takes its time over it.
vi.setConfig({ testTimeout: 60_000 });
afterEach(cleanup);

it('goes from the draft to what runs by Ctrl+Enter alone, but for what must be accepted', async () => {
  const { service, asked } = workspace();
  await open(service);
  await userEvent.keyboard(NEXT);
  const title = await screen.findByRole('heading', { name: /rides@2 as deployment rides/ });
  expect(document.activeElement).toBe(title);
  expect(screen.getByText('plan plan')).toBeTruthy();

  await userEvent.keyboard(NEXT);
  const box = screen.getByRole('checkbox', { name: /Accept drop:load\/raw/ });
  expect(document.activeElement).toBe(box);
  await userEvent.keyboard(' ' + NEXT);
  await screen.findByText(/rides runs rides@2 as/);
  expect(screen.getByText('none plan')).toBeTruthy();
  expect(doings(asked)).toEqual([
    ['publish', { draft: 'd1', context: null }],
    ['plan', { ref: 'rides@2', context: null, name: null, groups: {}, replicas: {} }],
    ['apply', { plan: 'rides-1', accept: ['drop:load/raw'], gate: null }]
  ]);

  await userEvent.keyboard(NEXT);
  expect(screen.getByText('none live')).toBeTruthy();
});

it('does not publish a draft with errors, and says so', async () => {
  const error = { severity: 'error', code: 'x', message: '', hint: '', path: [], file: null, line: null } as const;
  const { service, asked } = workspace();
  const broken = { problems: [error] };
  await open(service, broken);
  await userEvent.click(screen.getByRole('button', { name: 'Publish' }));
  await userEvent.keyboard(NEXT);
  expect(screen.getByText(/The draft has an error/)).toBeTruthy();
  expect(doings(asked)).toEqual([]);
});

it('leads from a stale plan to a new one', async () => {
  const { service, asked } = workspace([STALE]);
  await open(service);
  await userEvent.click(screen.getByRole('button', { name: 'Plan' }));
  await userEvent.click(await screen.findByRole('checkbox', { name: /Accept drop/ }));
  await userEvent.click(screen.getByRole('checkbox', { name: 'Health gate' }));
  await userEvent.click(screen.getByRole('button', { name: 'Apply' }));
  expect((await screen.findByRole('alert')).textContent).toContain('Plan again');
  await userEvent.keyboard(NEXT);
  await waitFor(() => expect(screen.queryByRole('alert')).toBeNull());
  const ops = doings(asked);
  expect(ops.map(([op]) => op)).toEqual(['publish', 'plan', 'apply', 'plan']);
  expect(ops[2]?.[1]).toMatchObject({ gate: 10 });
});

it('plans a published version in a context, under a name', async () => {
  const { service, asked } = workspace();
  await open(service);
  await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Version' }), 'rides@2');
  await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Context' }), 'prod');
  await userEvent.type(screen.getByRole('combobox', { name: 'Deployment' }), 'east');
  await userEvent.click(screen.getByRole('button', { name: 'Plan' }));
  await screen.findByRole('heading', { name: /rides@2/ });
  expect(doings(asked)).toEqual([['plan', { ref: 'rides@2', context: 'prod', name: 'east', groups: {}, replicas: {} }]]);
});

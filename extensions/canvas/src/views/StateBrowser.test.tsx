// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';
import { Dialogue } from '../dialogue';
import { moment } from './format';
import { StateBrowser } from './StateBrowser';

afterEach(cleanup);
vi.stubGlobal('ResizeObserver', class { observe = () => undefined; disconnect = () => undefined; });

const AT = '2026-11-27 07:25:00.430775+00:00';
const TIME = 'TIMESTAMP WITH TIME ZONE';
const QUEUES = {
  columns: [{ name: 'queue', type: 'VARCHAR' }, { name: 'ready', type: 'BIGINT' }, { name: 'oldest_at', type: TIME }, { name: 'next_at', type: TIME }],
  rows: [['work', 1, AT, null]],
  offset: 0,
  total: 1
};
const ITEMS = { columns: [{ name: 'payload', type: 'VARCHAR' }, { name: 'enqueued_at', type: TIME }], rows: [['{"a":1}', AT]], offset: 0, total: 1 };
const NONE = { columns: [], rows: [], offset: 0, total: 0 };

it('shows times of queues and items as a person reads them', async () => {
  const service: Dialogue = new Dialogue(({ id, op, params }) => {
    const tables: Record<string, unknown> = { queues: QUEUES, items: ITEMS };
    const result = op === 'workspace' ? { root: 'w', state: 'up' } : (tables[(params as { what: string }).what] ?? NONE);
    queueMicrotask(() => act(() => service.receive({ id, result })));
  });
  service.setConnected(true);
  const { container } = render(<StateBrowser service={service} target={{ view: 'state' }} open={() => undefined} />);
  fireEvent.click(await screen.findByRole('tab', { name: 'Queues' }));
  const queue = await screen.findByRole('button', { name: /work.*ready: 1 · oldest_at: .* ago|in .* · next_at: –/ });
  expect(queue.querySelector('time')!.title).toBe(moment(AT));
  fireEvent.click(queue);
  expect((await screen.findByText('{"a":1}')).nextElementSibling!.textContent).toBe(moment(AT));
  expect(container.textContent).not.toContain('+00:00');
});

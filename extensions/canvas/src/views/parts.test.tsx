// @vitest-environment jsdom
import { act, cleanup, render, screen } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';
import { Dialogue } from '../dialogue';
import type { Workspace } from '../protocol';
import { Moment, WhenUp } from './parts';

afterEach(cleanup);

function standing(state: Workspace['state']): Dialogue {
  const service: Dialogue = new Dialogue(({ id }) =>
    queueMicrotask(() => act(() => service.receive({ id, result: { root: 'rides', state, contexts: [], version: '1' } })))
  );
  service.setConnected(true);
  return service;
}

it('offers to start a manager where one can be started, and nowhere else', async () => {
  const { unmount } = render(<WhenUp service={standing('down')}>all</WhenUp>);
  await screen.findByRole('button', { name: 'Start the manager' });
  unmount();
  render(<WhenUp service={standing('gone')}>all</WhenUp>);
  await screen.findByText(/is gone/);
  expect(screen.queryByRole('button')).toBeNull();
});

it('says how long ago it was, however long it is looked at', () => {
  vi.useFakeTimers();
  try {
    render(<Moment time={new Date().toISOString()} />);
    screen.getByText('now');
    act(() => void vi.advanceTimersByTime(125_000));
    screen.getByText('2 min ago');
  } finally {
    vi.useRealTimers();
  }
});

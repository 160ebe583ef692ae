import { describe, expect, it, vi } from 'vitest';
import { oneAtATime } from './asking';

function held(): { act: () => Promise<void>; calls: (() => void)[] } {
  const calls: (() => void)[] = [];
  return { calls, act: () => new Promise(resolve => calls.push(resolve)) };
}

describe('oneAtATime', () => {
  it('makes one more of all calls that come while one is under way', async () => {
    const { act, calls } = held();
    const busy = vi.fn();
    const ask = oneAtATime(act, new AbortController().signal, busy);
    ask();
    ask();
    ask();
    expect(calls).toHaveLength(1);
    calls[0]!();
    await vi.waitFor(() => expect(calls).toHaveLength(2));
    calls[1]!();
    await vi.waitFor(() => expect(busy).toHaveBeenLastCalledWith(false));
    expect(calls).toHaveLength(2);
  });

  it('stops when nobody looks any more', async () => {
    const { act, calls } = held();
    const control = new AbortController();
    const busy = vi.fn();
    const ask = oneAtATime(act, control.signal, busy);
    ask();
    ask();
    control.abort();
    calls[0]!();
    await Promise.resolve();
    ask();
    expect(calls).toHaveLength(1);
    expect(busy).toHaveBeenCalledTimes(1);
  });
});

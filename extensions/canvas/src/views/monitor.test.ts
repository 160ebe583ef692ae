import { describe, expect, it } from 'vitest';
import type { Numbers, StageProgress } from '../protocol';
import { grown } from './RunMonitor';

function numbers(speeds: Record<string, number>): Numbers {
  const stages = Object.entries(speeds).map(
    ([stage, rows_per_s]): StageProgress => ({
      stage,
      rows_per_s,
      batches: 0,
      counts: [],
      note: '',
      rejects: 0,
      rows_in: 0,
      rows_out: 0,
      skipped: 0,
      state: 'running',
      units: 0,
      units_done: 0
    })
  );
  return { lags: [], signs: {}, progress: { deployment: 'd', seconds: 0, stages, texts: [] } };
}

describe('speeds of late', () => {
  it('grow at the end, and forget stages that are gone', () => {
    const first = grown({}, numbers({ a: 1, b: 2 }));
    expect(grown(first, numbers({ a: 3 }))).toEqual({ a: [1, 3] });
  });

  it('keep no more than a line shows', () => {
    let speeds: ReturnType<typeof grown> = {};
    for (let at = 0; at < 500; at += 1) {
      speeds = grown(speeds, numbers({ a: at }));
    }
    expect(speeds.a).toHaveLength(120);
    expect(speeds.a?.at(-1)).toBe(499);
  });
});

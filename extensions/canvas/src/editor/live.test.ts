import { describe, expect, it } from 'vitest';
import { graphOf, stepId } from '../graph/graph';
import type { Numbers, Shape } from '../protocol';
import { Live } from './live';

const GRAPH = graphOf(
  { workflow: 'w', steps: { clean: { in: 'raw', out: 'few' }, tell: { in: 'few', output: { discard: {} } } } },
  null
);
const SHAPE = { stages: [{ id: 'clean', steps: ['clean', 'tell'], traits: [] }] } as unknown as Shape;
const NUMBERS = {
  lags: [],
  signs: {},
  progress: {
    stages: [
      {
        stage: 'clean',
        state: 'running',
        rows_per_s: 300,
        rows_out: 900,
        rejects: 20,
        counts: [
          { step: 'clean', rows_in: 1000, rows_out: 980, rejects: 20, dropped: 0 },
          { step: 'tell', rows_in: null, rows_out: 80, rejects: 0, dropped: 0 }
        ]
      }
    ]
  }
} as unknown as Numbers;

describe('numbers of a deployment at work', () => {
  it('are each step’s own, where steps run as one stage', () => {
    const live = new Live();
    live.update(GRAPH, SHAPE, NUMBERS);
    expect(live.read(stepId('clean'))).toMatchObject({ text: '300 rows/s · 980 out · 20 rejected', alarming: true });
    expect(live.read(stepId('tell'))).toMatchObject({ text: '80 out', alarming: false, moving: true });
  });
});

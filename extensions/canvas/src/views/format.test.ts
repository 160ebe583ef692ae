import { describe, expect, it } from 'vitest';
import { ago, bytes, count, many, seconds, took } from './format';

describe('format', () => {
  it('counts', () => {
    expect([0, 999, 12_345, 1_234_567].map(count)).toEqual(['0', '999', '12,345', '1.2M']);
    expect(many(1, 'row')).toBe('1 row');
    expect(many(2, 'batch')).toBe('2 batches');
  });

  it('sizes', () => {
    expect([0, 999, 1_500, 25_000, 3_200_000_000].map(bytes)).toEqual([
      '0 B',
      '999 B',
      '1.5 kB',
      '25 kB',
      '3.2 GB'
    ]);
  });

  it('spans', () => {
    expect([0.25, 4.25, 75, 3_600, 90_000].map(seconds)).toEqual([
      '250 ms',
      '4.3 s',
      '1 min 15 s',
      '1 h',
      '1 d 1 h'
    ]);
  });

  it('tells how long a run took that has ended', () => {
    const started_at = '2026-01-01T00:00:00Z';
    expect(took({ started_at, ended_at: '2026-01-01T00:00:01.500Z' })).toBe(1.5);
    expect(took({ started_at, ended_at: null })).toBeNull();
    expect(took({ started_at, ended_at: started_at })).toBeNull();
  });

  it('tells past from future', () => {
    const now = Date.parse('2026-01-01T00:10:00Z');
    expect(ago('2026-01-01T00:07:30Z', now)).toBe('2 min ago');
    expect(ago('2026-01-01T02:10:00Z', now)).toBe('in 2 h');
    expect(ago('2026-01-01T00:10:00.200Z', now)).toBe('now');
  });
});

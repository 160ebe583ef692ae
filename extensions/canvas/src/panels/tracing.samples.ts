/** A small trace for tests: a reader, an action that adds a column, a dispatch over two ports. */
import type { ColumnFacts, TracePoint, TraceResult } from '../protocol';

export function column(name: string, type = 'string'): ColumnFacts {
  return { name, type, nulls: 0, distinct: 2, min: null, max: null, mean: null, top: [] };
}

export function point(step: string, at: string, more: Partial<TracePoint> = {}): TracePoint {
  const columns = [column('id', 'int64'), column('delay')];
  return { step, at, action: null, channel: null, rows: 3, rejects: 0, columns, error: null, seconds: 0.01, ...more };
}

export const POINTS: TracePoint[] = [
  point('read', 'input', { rows: 0, rejects: 1 }),
  point('read', 'input'),
  point('clean', 'input'),
  point('clean', 'cast', { action: 0, columns: [column('id', 'int64'), column('delay', 'int64')], rows: 2, rejects: 1 }),
  point('clean', 'derive', { action: 1, columns: [column('id', 'int64'), column('late', 'boolean')], rows: 2 }),
  point('clean', '→ late', { channel: 'late_flights', rows: 1 }),
  point('clean', '→ rest', { channel: 'others', rows: 1 })
];

export const TRACE: TraceResult = { trace: 'd#1', revision: 3, sample: 20, points: POINTS };

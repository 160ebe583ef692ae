import { describe, expect, it } from 'vitest';
import type { Column, Kind } from '../protocol';
import { columnsBehind, fitted } from './fitting';

const EXPRESSION = { type: 'string', format: 'expression' };
const COLUMN = { type: 'string', format: 'column' };
const columns = (given: Record<string, string>): Column[] => Object.entries(given).map(([name, type]) => ({ name, type }));

function kind(name: string, params: object, example: unknown, reads: Record<string, string>): Kind {
  return { family: 'action', name, summary: '', doc: '', icon: '', params, example, columns: columns(reads) } as unknown as Kind;
}

const FILTER = kind('filter', EXPRESSION, "distance >= 100 AND origin <> 'origin'", { distance: 'BIGINT', origin: 'VARCHAR' });
const DERIVE = kind('derive', { type: 'object', additionalProperties: EXPRESSION }, { hours: 'minutes / 60.0' }, { minutes: 'BIGINT' });
const DEDUPE = kind(
  'dedupe',
  { type: 'object', properties: { by: { type: 'array', items: COLUMN }, ttl: { type: 'string' } } },
  { by: ['id'], ttl: '7d' },
  { id: 'BIGINT' }
);
const CSV = kind(
  'csv',
  { type: 'object', properties: { field: { ...COLUMN, default: '_raw' }, keep: { type: 'boolean', default: true } } },
  { keep: false },
  { _raw: 'VARCHAR' }
);
const PYTHON = {
  ...kind('python', { type: 'string', format: 'python' }, 'def f(lf):\n    return lf.select("name")', { name: 'VARCHAR' }),
  plain: 'def f(lf):\n    return lf'
} as unknown as Kind;

describe('fitted', () => {
  it('takes columns of the types that the example has, and leaves quoted text alone', () => {
    const given = columns({ at: 'TIMESTAMP', k: 'VARCHAR', n: 'DOUBLE', m: 'BIGINT' });
    expect(fitted(FILTER, given).example).toBe("m >= 100 AND k <> 'origin'");
  });

  it('asks of any column whether it is there, where no type fits', () => {
    expect(fitted(FILTER, columns({ ok: 'BOOLEAN' })).example).toBe('ok IS NOT NULL');
  });

  it('prefers the column of the same name', () => {
    expect(fitted(FILTER, columns({ a: 'BIGINT', distance: 'DOUBLE', origin: 'VARCHAR' })).example).toBe(FILTER.example);
  });

  it('keeps names that the example makes', () => {
    expect(fitted(DERIVE, columns({ n: 'BIGINT' })).example).toEqual({ hours: 'n / 60.0' });
  });

  it('takes any type for what only tells rows apart', () => {
    expect(fitted(DEDUPE, columns({ k: 'VARCHAR' })).example).toEqual({ by: ['k'], ttl: '7d' });
  });

  it('says what goes without saying where it is another', () => {
    expect(fitted(CSV, columns({ _raw: 'VARCHAR' })).example).toEqual({ keep: false });
    expect(fitted(CSV, columns({ line: 'VARCHAR' })).example).toEqual({ field: 'line', keep: false });
  });

  it('begins with an empty form where nothing fits, but code keeps its shape', () => {
    expect(fitted(FILTER, columns({ 'a b': 'BOOLEAN' })).example).toBe('');
    expect(fitted(DERIVE, columns({ 'a b': 'BIGINT' })).example).toEqual({ column: '' });
    expect(fitted(PYTHON, columns({ n: 'BIGINT' })).example).toBe(PYTHON.plain);
  });

  it('names no columns where none are known, but keeps the rest', () => {
    expect(fitted(FILTER, null).example).toBe('');
    expect(fitted(DEDUPE, null).example).toEqual({ ttl: '7d' });
    expect(fitted(CSV, null).example).toEqual({ keep: false });
  });

  it('casts to what columns are, and renames to what none is', () => {
    const reads = { n: 'VARCHAR', day: 'VARCHAR' };
    const names = { type: 'object', propertyNames: COLUMN, additionalProperties: { type: 'string' } };
    const given = columns({ id: 'BIGINT', name: 'VARCHAR' });
    expect(fitted(kind('cast', names, { n: 'BIGINT' }, reads), given).example).toEqual({ name: 'VARCHAR' });
    expect(fitted(kind('rename', names, { n: 'id' }, reads), given).example).toEqual({ name: 'new_name' });
  });
});

describe('columnsBehind', () => {
  it('knows what ports, spools, rejects and new ports give', () => {
    const raw = columns({ n: 'BIGINT' });
    const bad = columns({ _row: 'VARCHAR' });
    const after = columns({ m: 'BIGINT' });
    const schemas = { revision: 1, channels: { raw, read_rejects: bad }, steps: { read: { before: [raw, after], tables: {} } } };
    expect(columnsBehind(schemas, { kind: 'port', step: 'read', port: 'out', channel: 'raw' })).toBe(raw);
    expect(columnsBehind(schemas, { kind: 'rejects', step: 'read' })).toBe(bad);
    expect(columnsBehind(schemas, { kind: 'new port', step: 'read' })).toBe(after);
    expect(columnsBehind(schemas, { kind: 'message', step: 'read' })).toBeNull();
    expect(columnsBehind(null, null)).toBeNull();
  });
});

import { describe, expect, it } from 'vitest';
import type { SpoolInfo } from '../../protocol';
import { changes } from './SchemaHistory';
import { namespaceOf } from './SqlBox';
import { told } from './told';

function spool(name: string, columns: readonly string[]): SpoolInfo {
  return {
    spool: name,
    bytes: 0,
    event_time: null,
    next_seq: 0,
    partition: null,
    policy: 'evolve',
    rejects: false,
    replaced: false,
    rows: 0,
    schema: { fields: columns.map(column => ({ name: column, type: 'int64' })) },
    segments: 0,
    state: null
  };
}

describe('the list', () => {
  it('has those that hold something first, and empty rejects apart', () => {
    const rejects = { ...spool('a.read_rejects', []), rejects: true };
    const bad = { ...rejects, spool: 'a.clean_rejects', rows: 3 };
    expect(told([spool('a.rows', []), rejects, bad])).toEqual([[spool('a.rows', []), bad], [rejects]]);
  });
});

describe('schema history', () => {
  it('tells columns that came, went, and changed their type', () => {
    const before = [
      { name: 'id', type: 'int32' },
      { name: 'old', type: 'string' },
      { name: 'same', type: 'string' }
    ];
    const after = [
      { name: 'id', type: 'int64' },
      { name: 'same', type: 'string' },
      { name: 'new', type: 'double' }
    ];
    expect(changes(before, after)).toEqual([
      { sign: '~', words: 'id: int32 → int64' },
      { sign: '+', words: 'new: double' },
      { sign: '−', words: 'old: string' }
    ]);
    expect(changes(after, after)).toEqual([]);
  });
});

describe('names for SQL', () => {
  it('has deployments as schemas, and channels as tables with their columns', () => {
    expect(namespaceOf([spool('a.x', ['id', 'n']), spool('a.y', []), spool('b.x', ['k'])])).toEqual({
      a: { x: ['id', 'n'], y: [] },
      b: { x: ['k'] }
    });
  });
});

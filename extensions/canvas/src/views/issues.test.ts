import { describe, expect, it } from 'vitest';
import type { Issue } from '../protocol';
import { causeOf, isBlocked } from './issues';

function issue(code: string, place: string): Issue {
  const at = '2026-01-01T00:00:00Z';
  return {
    code,
    place,
    id: 1,
    cause: 'it broke',
    count: 1,
    facts: {},
    first_at: at,
    last_at: at,
    hint: null,
    severity: 'error'
  };
}

describe('where an issue leads', () => {
  it('rejected rows: to the rows', () => {
    expect(causeOf(issue('rows_rejected', 'flights/clean'))).toEqual({
      view: 'spools',
      spool: 'flights.clean_rejects'
    });
  });

  it('a damaged spool: to the spool', () => {
    expect(causeOf(issue('segments_damaged', 'flights.raw'))).toEqual({
      view: 'spools',
      spool: 'flights.raw'
    });
  });

  it('the rest: to the deployment', () => {
    const blocked = issue('stage_blocked', 'flights/clean');
    expect(causeOf(blocked)).toEqual({ view: 'deployment', deployment: 'flights' });
    expect(isBlocked(blocked)).toBe(true);
    expect(isBlocked(issue('context_drifted', 'flights'))).toBe(false);
  });
});

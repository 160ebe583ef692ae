import { describe, expect, it } from 'vitest';
import type { DeploymentStatus, PlanView } from '../../protocol';
import { chosenOf, DRAFT, hindrance, isFresh, nextOf, questionOf, unaccepted, type Standing } from './way';

const PLAN = { id: 'rides-1', deployment: 'rides', ref: 'rides@2', context: null, accept: [], problems: [], empty: false, based_on: 1 };
const CHOICE = { version: DRAFT, context: null, name: null, groups: {}, replicas: {} };

function standing(more: Partial<Standing> = {}): Standing {
  return {
    choice: CHOICE,
    readOnly: false,
    readable: true,
    settled: true,
    errors: 0,
    published: null,
    plan: null,
    planned: null,
    stale: false,
    accepted: new Set(),
    applied: false,
    busy: null,
    ...more
  };
}

function planned(plan: Partial<PlanView> = {}, more: Partial<Standing> = {}): Standing {
  const view = { ...PLAN, ...plan } as PlanView;
  return standing({ published: view.ref, plan: view, planned: questionOf(view.ref, CHOICE), ...more });
}

describe('the next step', () => {
  it('is to plan, to apply, and then to watch', () => {
    expect(nextOf(standing())).toBe('plan');
    expect(nextOf(planned())).toBe('apply');
    expect(nextOf(planned({}, { applied: true }))).toBe('watch');
  });

  it('is to plan again once the draft, the choice or the workspace is another', () => {
    expect(nextOf(planned({}, { published: null }))).toBe('plan');
    expect(nextOf(planned({}, { stale: true }))).toBe('plan');
    for (const other of [{ context: 'prod' }, { name: 'east' }, { version: 'rides@1' }, { groups: { a: 'etl' } }, { replicas: { a: 2 } }]) {
      const now = planned({}, { choice: { ...CHOICE, ...other } });
      expect(nextOf(now)).toBe('plan');
      expect(hindrance('apply', now)).toContain('plan again');
    }
  });
});

describe('a plan that came from elsewhere', () => {
  it('holds for its version, its context and its name', () => {
    const choice = { ...CHOICE, version: 'rides@2' };
    expect(isFresh(planned({}, { planned: null, choice }))).toBe(true);
    expect(isFresh(planned({}, { planned: null, choice: { ...choice, context: 'prod' } }))).toBe(false);
    const east = { deployment: 'east' };
    expect(isFresh(planned(east, { planned: null, choice }))).toBe(false);
    expect(isFresh(planned(east, { planned: null, choice: { ...choice, name: 'east' } }))).toBe(true);
  });
});

describe('the deployment that is chosen', () => {
  const ALL = [
    { name: 'east', ref: 'rides@1', context: null },
    { name: 'rides', ref: 'rides@2', context: null },
    { name: 'rides_prod', ref: 'rides@2', context: 'prod' }
  ] as DeploymentStatus[];
  const nameOf = (more: object): string | undefined => chosenOf({ ...CHOICE, ...more }, ALL)?.name;

  it('is that of its name, or what the workflow comes to in its context', () => {
    expect(nameOf({})).toBe('rides');
    expect(nameOf({ context: 'none' })).toBe('rides');
    expect(nameOf({ context: 'prod' })).toBe('rides_prod');
    expect(nameOf({ name: 'east', context: 'prod' })).toBe('east');
    expect(nameOf({ name: 'west' })).toBeUndefined();
  });
});

describe('what hinders', () => {
  it('publishing: errors, a text that is none, what is published already', () => {
    expect(hindrance('publish', standing())).toBeNull();
    expect(hindrance('publish', standing({ errors: 2 }))).toContain('2 errors');
    expect(hindrance('publish', standing({ readable: false }))).toContain('no document');
    expect(hindrance('publish', standing({ settled: false }))).toContain('being checked');
    expect(hindrance('publish', standing({ published: 'rides@2' }))).toContain('rides@2');
    expect(hindrance('publish', standing({ readOnly: true }))).toContain('only shown');
  });

  it('planning a draft with errors, but not a version beside it', () => {
    expect(hindrance('plan', standing({ errors: 1 }))).toContain('an error');
    expect(hindrance('plan', standing({ errors: 1, choice: { ...CHOICE, version: 'rides@1' } }))).toBeNull();
  });

  it('applying: problems, nothing to do, what is not accepted, anything under way', () => {
    const error = { severity: 'error', code: 'x', message: '', hint: '', path: [], file: null, line: null } as const;
    expect(hindrance('apply', planned())).toBeNull();
    expect(hindrance('apply', planned({ problems: [error] }))).toContain('problems');
    expect(hindrance('apply', planned({ problems: [{ ...error, severity: 'warning' }] }))).toBeNull();
    expect(hindrance('apply', planned({ empty: true }))).toContain('nothing to change');
    expect(hindrance('apply', planned({}, { busy: 'apply' }))).not.toBeNull();
    const loses = planned({ accept: ['drop:a/b', 'reset:c/d'] }, { accepted: new Set(['drop:a/b']) });
    expect(unaccepted(loses)).toEqual(['reset:c/d']);
    expect(hindrance('apply', loses)).toContain('One thing');
    expect(hindrance('apply', { ...loses, accepted: new Set(['drop:a/b', 'reset:c/d']) })).toBeNull();
  });
});

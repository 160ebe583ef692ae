/** Where an issue leads. */
import type { Issue } from '../protocol';
import type { Target } from './registry';

/** The deployment, and the step if it has one, that an issue's place names: `flights/clean`. */
export function placeOf(issue: Issue): { deployment: string; step: string | null } {
  const [name = '', step] = issue.place.split('/');
  return { deployment: name.split('.')[0] ?? name, step: step ?? null };
}

/** A stage that stands still: it can be let try again, or pass by what it stumbles over. */
export function isBlocked(issue: Issue): boolean {
  return issue.code === 'stage_blocked' && placeOf(issue).step !== null;
}

/** What a person wants to see first: the rejected rows, the damaged spool, or the deployment. */
export function causeOf(issue: Issue): Target {
  const { deployment, step } = placeOf(issue);
  if (issue.code === 'rows_rejected' && step !== null) {
    return { view: 'spools', spool: `${deployment}.${step}_rejects` };
  }
  if (step === null && issue.place.includes('.')) {
    return { view: 'spools', spool: issue.place };
  }
  return { view: 'deployment', deployment };
}

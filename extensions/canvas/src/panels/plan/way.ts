/** The way from a draft to what runs: publish, plan, apply; which step is next, and what hinders it. */
import { givenName } from '../../editor/deployed';
import type { DeploymentStatus, MakePlan, PlanView } from '../../protocol';

export type Step = 'publish' | 'plan' | 'apply' | 'watch';

/** In place of a published reference: the draft as it stands. */
export const DRAFT = '';

/** A context that means: none at all. */
export const NO_CONTEXT = 'none';

/** What a plan is asked with; another choice makes it old. */
export interface Choice {
  /** `DRAFT`, or `NAME@3`. */
  version: string;
  /** null: the one that the deployment is in, or the workspace's default. */
  context: string | null;
  /** What the deployment is called; null: what its workflow comes to by itself. */
  name: string | null;
  groups: Readonly<Record<string, string>>;
  replicas: Readonly<Record<string, number>>;
}

export interface Standing {
  choice: Choice;
  readOnly: boolean;
  /** Whether the text is a document at all. */
  readable: boolean;
  settled: boolean;
  errors: number;
  /** What the draft, just as it stands, is published as. */
  published: string | null;
  plan: PlanView | null;
  /** What the plan was asked with; null: nobody knows, it came from elsewhere. */
  planned: MakePlan | null;
  /** The workspace has said that what the plan was made for is no more. */
  stale: boolean;
  accepted: ReadonlySet<string>;
  applied: boolean;
  busy: Step | null;
}

/** The published version that would be planned; null: the draft is to be published first. */
export function refOf({ choice, published }: Standing): string | null {
  return choice.version === DRAFT ? published : choice.version;
}

export function questionOf(ref: string, { context, name, groups, replicas }: Choice): MakePlan {
  return { ref, context, name, groups: { ...groups }, replicas: { ...replicas } };
}

/** The deployment that is chosen, of those that there are; undefined: it would be a new one. */
export function chosenOf(choice: Choice, deployments: readonly DeploymentStatus[]): DeploymentStatus | undefined {
  return deployments.find(each =>
    choice.name === null
      ? each.context === contextOf(choice) && givenName(each.name, each.ref, each.context) === null
      : each.name === choice.name
  );
}

function contextOf({ context }: Choice): string | null {
  return context === NO_CONTEXT ? null : context;
}

/** Whether the plan says what would happen with what is chosen now. */
export function isFresh(standing: Standing): boolean {
  const { plan, planned, stale, choice } = standing;
  const ref = refOf(standing);
  if (plan === null || stale || ref === null) {
    return false;
  }
  return planned === null
    ? plan.ref === ref &&
        plan.context === contextOf(choice) &&
        givenName(plan.deployment, plan.ref, plan.context) === choice.name
    : JSON.stringify(planned) === JSON.stringify(questionOf(ref, choice));
}

/** Why a step cannot be taken now, in words; null: it can. */
export function hindrance(step: Step, standing: Standing): string | null {
  if (standing.busy !== null) {
    return 'One moment.';
  }
  switch (step) {
    case 'publish':
      return standing.choice.version === DRAFT
        ? unpublishable(standing)
        : `${standing.choice.version} is published. Choose the draft to publish it.`;
    case 'plan':
      return refOf(standing) === null ? unpublishable(standing) : null;
    case 'apply':
      return inapplicable(standing);
    case 'watch':
      return standing.applied ? null : 'Nothing has been applied.';
  }
}

function unpublishable(standing: Standing): string | null {
  if (standing.readOnly) {
    return 'This draft is only shown.';
  }
  if (!standing.readable) {
    return 'The text is no document yet: see the YAML view.';
  }
  if (standing.errors > 0) {
    return `The draft has ${standing.errors === 1 ? 'an error' : `${standing.errors} errors`}: see the problems.`;
  }
  if (!standing.settled) {
    return 'The draft is being checked.';
  }
  return standing.published === null ? null : `The draft is published as ${standing.published}.`;
}

function inapplicable(standing: Standing): string | null {
  const { plan, applied } = standing;
  if (plan === null) {
    return 'Plan first, to see what would change.';
  }
  if (applied) {
    return 'It is applied.';
  }
  if (!isFresh(standing)) {
    return standing.stale
      ? 'The plan is stale: plan again.'
      : 'The plan is of something else than what is chosen now: plan again.';
  }
  if (isBlocked(plan)) {
    return 'It cannot be applied as it stands: see its problems.';
  }
  if (plan.empty) {
    return 'There is nothing to change.';
  }
  const left = unaccepted(standing).length;
  return left === 0 ? null : `${left === 1 ? 'One thing' : `${left} things`} must be accepted first.`;
}

export function isBlocked(plan: PlanView): boolean {
  return plan.problems.some(problem => problem.severity === 'error');
}

export function unaccepted({ plan, accepted }: Standing): string[] {
  return plan === null ? [] : plan.accept.filter(name => !accepted.has(name));
}

/** The step that Ctrl+Enter takes: to plan (what is not published yet is published on the way), to
 * apply, then to watch. */
export function nextOf(standing: Standing): Step {
  if (!isFresh(standing)) {
    return 'plan';
  }
  return standing.applied ? 'watch' : 'apply';
}

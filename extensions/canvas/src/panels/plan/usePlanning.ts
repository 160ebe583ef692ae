/** What the plan panel holds: what is chosen, what was published, planned and applied. */
import { useCallback, useEffect, useMemo, useRef, useState, type RefObject } from 'react';
import { givenName, ownOf } from '../../editor/deployed';
import { useEditor, type EditorModel } from '../../editor/model';
import type { Deployment, DeploymentStatus, MakePlan, PlanView, Trouble, VersionInfo } from '../../protocol';
import { troubleOf, useAnswer } from '../../views/asking';
import { DRAFT, hindrance, questionOf, refOf, type Choice, type Standing, type Step } from './way';

export interface Planning {
  standing: Standing;
  versions: readonly VersionInfo[];
  contexts: readonly string[];
  /** The deployments of this workflow. */
  deployments: readonly DeploymentStatus[];
  /** What the last apply has made. */
  made: Deployment | null;
  trouble: Trouble | null;
  /** Batches of the health gate; null: none. */
  gate: number | null;
  choose(choice: Partial<Choice>): void;
  setGate(batches: number | null): void;
  accept(names: readonly string[], accepted: boolean): void;
  take(step: Step): void;
  /** What is deployed was changed otherwise: what was planned or applied here is past. */
  changed(): void;
}

interface Planned {
  plan: PlanView | null;
  question: MakePlan | null;
  stale: boolean;
  accepted: ReadonlySet<string>;
  made: Deployment | null;
}

const NOTHING: Planned = { plan: null, question: null, stale: false, accepted: new Set(), made: null };

export function usePlanning(): Planning {
  const editor = useEditor();
  const { service } = editor;
  const known = useKnown(editor);
  const [chosen, setChosen] = useState<Partial<Choice>>({});
  const [published, setPublished] = useState<{ ref: string; revision: number } | null>(null);
  const [planned, setPlanned] = useState<Planned>(NOTHING);
  const [gate, setGate] = useState<number | null>(null);
  const { busy, trouble, begin } = useBusy();
  const choice = useChoice(editor, chosen, known.deployments);
  const own = useRef<PlanView | null>(null);
  usePaintedPlan(editor, own, plan => {
    setPlanned({ ...NOTHING, plan });
    const name = givenName(plan.deployment, plan.ref, plan.context);
    setChosen({ version: plan.ref, context: plan.context, name });
  });

  const standing: Standing = {
    choice,
    readOnly: editor.readOnly,
    readable: editor.document !== null,
    settled: editor.settled,
    errors: editor.problems.filter(problem => problem.severity === 'error').length,
    published: published?.revision === editor.revision ? published.ref : null,
    plan: planned.plan,
    planned: planned.question,
    stale: planned.stale,
    accepted: planned.accepted,
    applied: planned.made !== null,
    busy
  };

  const publish = async (): Promise<string> => {
    const { revision } = editor;
    const version = await service.ask('publish', { draft: editor.draft, context: choice.context });
    setPublished({ ref: version.ref, revision });
    known.again();
    editor.announce(`Published as ${version.ref}`);
    return version.ref;
  };
  const plan = async (): Promise<void> => {
    const question = questionOf(refOf(standing) ?? (await publish()), choice);
    const made = await service.ask('plan', question);
    own.current = made;
    setPlanned({ ...NOTHING, plan: made, question });
    editor.setOverlay({ kind: 'plan', plan: made });
    editor.announce(`Planned ${made.ref} as deployment ${made.deployment}`);
  };
  const apply = async (): Promise<void> => {
    const { plan: view, accepted } = planned;
    if (view === null) {
      return;
    }
    try {
      const accept = view.accept.filter(name => accepted.has(name));
      const made = await service.ask('apply', { plan: view.id, accept, gate: view.based_on > 0 ? gate : null });
      setPlanned({ ...planned, made });
      editor.setOverlay({ kind: 'none' });
      editor.announce(`${made.name} runs ${view.ref} as revision ${made.revision}`);
    } catch (reason) {
      if (troubleOf(reason).facts['stale'] === true) {
        setPlanned({ ...planned, stale: true });
      }
      throw reason;
    } finally {
      known.again();
    }
  };
  const take = (step: Step): void => {
    if (hindrance(step, standing) !== null) {
      return;
    }
    const steps = { publish, plan, apply, watch: async () => editor.openPanel('live') };
    begin(step, steps[step]);
  };
  const accept = (names: readonly string[], accepted: boolean): void => {
    const others = [...planned.accepted].filter(name => !names.includes(name));
    setPlanned({ ...planned, accepted: new Set(accepted ? [...others, ...names] : others) });
  };
  return {
    versions: known.versions,
    contexts: known.contexts,
    deployments: known.deployments,
    standing,
    made: planned.made,
    trouble: trouble ?? known.trouble,
    gate,
    choose: more => setChosen(now => ({ ...now, ...more })),
    setGate,
    accept,
    take,
    changed: () => {
      setPlanned(NOTHING);
      editor.setOverlay({ kind: 'none' });
      known.again();
    }
  };
}

interface Known extends Pick<Planning, 'versions' | 'contexts' | 'deployments'> {
  trouble: Trouble | null;
  again(): void;
}

/** What the workspace has of this workflow. */
function useKnown({ service, document }: EditorModel): Known {
  const workflow = document?.['workflow'];
  const of = typeof workflow === 'string' ? { workflow } : null;
  const versions = useAnswer(service, 'versions', of);
  const statuses = useAnswer(service, 'deployments', {}, ['status']);
  const workspace = useAnswer(service, 'workspace', {}, ['workspace']);
  const deployments = useMemo(() => ownOf(document, statuses.answer ?? []), [document, statuses.answer]);
  const again = useCallback(() => {
    versions.again();
    statuses.again();
  }, [versions.again, statuses.again]);
  return {
    versions: versions.answer ?? [],
    contexts: workspace.answer?.contexts ?? [],
    deployments,
    again,
    trouble: versions.trouble ?? statuses.trouble
  };
}

/** What is chosen, with what a person would choose first: the draft, where it runs already. */
function useChoice(
  { readOnly }: EditorModel,
  chosen: Partial<Choice>,
  deployments: readonly DeploymentStatus[]
): Choice {
  const running = deployments.find(each => each.context === null && named(each) === null) ?? deployments[0];
  return {
    version: chosen.version ?? ((readOnly && running?.ref) || DRAFT),
    context: chosen.context === undefined ? (running?.context ?? null) : chosen.context,
    name: chosen.name === undefined ? (running === undefined ? null : named(running)) : chosen.name,
    groups: chosen.groups ?? {},
    replicas: chosen.replicas ?? {}
  };
}

function named({ name, ref, context }: DeploymentStatus): string | null {
  return givenName(name, ref, context);
}

/** A plan that is painted already (a widget shows one, or the panel was closed meanwhile) is taken up. */
function usePaintedPlan(
  { overlay }: EditorModel,
  own: RefObject<PlanView | null>,
  take: (plan: PlanView) => void
): void {
  const painted = overlay.kind === 'plan' ? overlay.plan : null;
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    if (painted !== null && painted !== own.current) {
      latest.current(painted);
    }
  }, [painted, own]);
}

/** One thing at a time, and how the last one went. */
function useBusy(): { busy: Step | null; trouble: Trouble | null; begin(step: Step, what: () => Promise<unknown>): void } {
  const [busy, setBusy] = useState<Step | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const begin = useCallback((step: Step, what: () => Promise<unknown>) => {
    setBusy(step);
    setTrouble(null);
    what()
      .catch(reason => setTrouble(troubleOf(reason)))
      .finally(() => setBusy(null));
  }, []);
  return { busy, trouble, begin };
}

/** From the draft to what runs: publish, plan, apply; with versions, their differences, and history. */
import { useEffect, useId, useRef, useState, type JSX, type KeyboardEvent } from 'react';
import { useEditor } from '../editor/model';
import { seconds } from '../views/format';
import { Tabs, TroubleNote, WhenUp, type Tab } from '../views/parts';
import { HistoryTab } from './plan/HistoryTab';
import { PlanTab } from './plan/PlanTab';
import { StepSettings } from './plan/StepSettings';
import { usePlanning, type Planning } from './plan/usePlanning';
import { VersionsTab } from './plan/VersionsTab';
import { DRAFT, NO_CONTEXT, hindrance, isFresh, nextOf, refOf, unaccepted, type Step } from './plan/way';

export function PlanPanel(): JSX.Element {
  const { service } = useEditor();
  return (
    <div className="lyftnb-PlanPanel">
      <WhenUp service={service}>
        <Way />
      </WhenUp>
    </div>
  );
}

function Way(): JSX.Element {
  const planning = usePlanning();
  const [tab, setTab] = useState('plan');
  const root = useRef<HTMLElement>(null);
  const [focus, setFocus] = useState<string | null>(null);
  useEffect(() => {
    if (focus !== null) {
      root.current?.querySelector<HTMLElement>(focus)?.focus();
      setFocus(null);
    }
  }, [focus]);
  const take = (step: Step): void => {
    if (step === 'plan' || step === 'apply') {
      setTab('plan');
    }
    planning.take(step);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || event.repeat) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    const next = nextOf(planning.standing);
    const missing = next === 'apply' ? unaccepted(planning.standing)[0] : undefined;
    if (missing !== undefined) {
      setFocus(`[data-accept=${JSON.stringify(missing)}]`);
      setTab('plan');
      return;
    }
    // As a click would: where the focus is now may be gone when it is done.
    setFocus(`[data-step=${next}]`);
    take(next);
  };
  return (
    <section ref={root} className="lyftnb-PlanPanel-way" aria-label="Publish, plan and apply" onKeyDown={onKeyDown}>
      <Bar planning={planning} take={take} />
      <Trouble planning={planning} />
      <Tabs tabs={tabsOf(planning)} label="Plan, versions, history" shown={tab} onChoose={setTab} />
    </section>
  );
}

function tabsOf(planning: Planning): Tab[] {
  return [
    { id: 'plan', label: 'Plan', content: () => <PlanTab planning={planning} /> },
    { id: 'settings', label: 'Groups and replicas', content: () => <StepSettings planning={planning} /> },
    { id: 'versions', label: 'Versions', content: () => <VersionsTab planning={planning} /> },
    { id: 'history', label: 'History', content: () => <HistoryTab planning={planning} /> }
  ];
}

/** What goes wrong, with what to do here about it. */
function Trouble({ planning }: { planning: Planning }): JSX.Element | null {
  const { trouble, standing } = planning;
  if (trouble === null) {
    return null;
  }
  const hint = standing.stale ? 'Plan again, and look at what it says now: nothing was done.' : trouble.hint;
  return <TroubleNote trouble={{ ...trouble, hint }} />;
}

const BUSY: Record<Step, string> = {
  publish: 'Publishing…',
  plan: 'Planning…',
  apply: 'Applying: workers start, and stages switch at the end of a batch…',
  watch: ''
};

function Bar({ planning, take }: { planning: Planning; take: (step: Step) => void }): JSX.Element {
  const { standing } = planning;
  const { busy } = standing;
  return (
    <header className="lyftnb-PlanPanel-bar">
      <VersionChoice planning={planning} />
      <ContextChoice planning={planning} />
      <NameChoice planning={planning} />
      <span className="lyftnb-PlanPanel-steps" role="group" aria-label="Steps; Ctrl+Enter takes the next one">
        {!standing.readOnly && <StepButton step="publish" label="Publish" planning={planning} take={take} />}
        <StepButton step="plan" label="Plan" planning={planning} take={take} />
        <StepButton step="apply" label="Apply" planning={planning} take={take} />
      </span>
      <span className="lyftnb-Dim lyftnb-PlanPanel-said" role="status">
        {busy === null ? <Next planning={planning} /> : BUSY[busy]}
      </span>
      {busy !== null && <Waited key={busy} />}
    </header>
  );
}

/** How long it has taken so far; not told to screen readers each second. */
function Waited(): JSX.Element {
  const [waited, setWaited] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setWaited(now => now + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <span className="lyftnb-Dim" aria-hidden="true">
      {waited > 0 && seconds(waited)}
    </span>
  );
}

interface StepButtonProps {
  step: Step;
  label: string;
  planning: Planning;
  take: (step: Step) => void;
}

/** It keeps the focus while it cannot be pressed, and says why. */
function StepButton({ step, label, planning: { standing }, take }: StepButtonProps): JSX.Element {
  const why = hindrance(step, standing);
  return (
    <button
      type="button"
      className="lyftnb-Button"
      aria-disabled={why !== null}
      data-step={step}
      data-next={nextOf(standing) === step}
      title={why ?? (nextOf(standing) === step ? `${label} (Ctrl+Enter)` : label)}
      onClick={() => take(step)}
    >
      {label}
    </button>
  );
}

/** What Ctrl+Enter would do, or what hinders it. */
function Next({ planning: { standing } }: { planning: Planning }): JSX.Element {
  const next = nextOf(standing);
  const why = hindrance(next, standing);
  if (why !== null) {
    return <>{why}</>;
  }
  const words = {
    publish: 'publish',
    plan: refOf(standing) === null ? 'publish and plan' : 'plan',
    apply: 'apply',
    watch: 'watch it run'
  };
  const hint = (
    <>
      <kbd>Ctrl+Enter</kbd> to {words[next]}
    </>
  );
  const old = standing.plan !== null && !standing.applied && !isFresh(standing);
  return old ? <>The plan below is old. {hint}</> : <span className="lyftnb-PlanPanel-hint">{hint}</span>;
}

function VersionChoice({ planning: { standing, versions, choose } }: { planning: Planning }): JSX.Element {
  const { choice, readOnly, published } = standing;
  const listed = versions.map(version => version.ref);
  const foreign = choice.version !== DRAFT && !listed.includes(choice.version) ? [choice.version] : [];
  return (
    <label>
      Version{' '}
      <select
        className="lyftnb-Input"
        value={choice.version}
        onChange={event => choose({ version: event.target.value, groups: {}, replicas: {} })}
      >
        {!readOnly && <option value={DRAFT}>the draft{published !== null && ` = ${published}`}</option>}
        {readOnly && choice.version === DRAFT && <option value={DRAFT}>choose one</option>}
        {[...foreign, ...listed].map(ref => (
          <option key={ref}>{ref}</option>
        ))}
      </select>
    </label>
  );
}

function ContextChoice({ planning: { standing, contexts, choose } }: { planning: Planning }): JSX.Element {
  const { context } = standing.choice;
  const all = [NO_CONTEXT, ...contexts];
  const listed = context === null || all.includes(context) ? all : [context, ...all];
  return (
    <label title="By default the one that the deployment is in, or else that of lyftnb.toml">
      Context{' '}
      <select
        className="lyftnb-Input"
        value={context ?? ''}
        onChange={event => choose({ context: event.target.value || null, groups: {}, replicas: {} })}
      >
        <option value="">default</option>
        {listed.map(name => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

/** Empty: what the workflow comes to by itself. One that there is brings its context along. */
function NameChoice({ planning: { standing, deployments, choose } }: { planning: Planning }): JSX.Element {
  const list = useId();
  const rename = (name: string): void => {
    const known = deployments.find(each => each.name === name);
    const context = known === undefined ? {} : { context: known.context };
    choose({ name: name || null, ...context, groups: {}, replicas: {} });
  };
  return (
    <label title="One workflow can be deployed several times, under several names; by default it has its own, with the context behind it">
      Deployment{' '}
      <input
        className="lyftnb-Input lyftnb-PlanPanel-name"
        list={list}
        placeholder="default"
        spellCheck={false}
        value={standing.choice.name ?? ''}
        onChange={event => rename(event.target.value)}
      />
      <datalist id={list}>
        {deployments.map(each => (
          <option key={each.name} value={each.name} />
        ))}
      </datalist>
    </label>
  );
}

/** A plan as a list of what changes, what it does to data, and what must be accepted; then apply. */
import { useEffect, useId, useRef, type JSX } from 'react';
import { useEditor } from '../../editor/model';
import type { Deployment, PlanView, Problem } from '../../protocol';
import { Empty } from '../../views/parts';
import { placeOf } from '../problems';
import { SeveritySign } from '../SeveritySign';
import { countsOf, groupsOf, type Group, type Line } from './changes';
import { Fields, PartName, SignMark } from './Differences';
import { hindrance, isFresh } from './way';
import type { Planning } from './usePlanning';

export function PlanTab({ planning }: { planning: Planning }): JSX.Element {
  const { standing, made } = planning;
  const { plan } = standing;
  if (plan === null) {
    return <Empty>Plan to see what applying it would change: nothing is done before you apply it.</Empty>;
  }
  return (
    <article className="lyftnb-Plan" data-old={made === null && !isFresh(standing)}>
      <Title plan={plan} />
      {made !== null && <Made deployment={made} planning={planning} />}
      <Stops problems={plan.problems} />
      {groupsOf(plan.changes).map(group => (
        <ChangeGroup key={group.title} group={group} planning={planning} />
      ))}
      {made === null && <Verdict plan={plan} planning={planning} />}
    </article>
  );
}

/** A new plan takes the focus, if it was asked for here: the next key goes on from it. */
function Title({ plan }: { plan: PlanView }): JSX.Element {
  const title = useRef<HTMLHeadingElement>(null);
  const last = useRef<string | null>(null);
  useEffect(() => {
    const panel = title.current?.closest('.lyftnb-PlanPanel');
    if (last.current !== plan.id && panel?.contains(document.activeElement)) {
      title.current?.focus();
    }
    last.current = plan.id;
  }, [plan.id]);
  return (
    <h4 ref={title} tabIndex={-1} className="lyftnb-Plan-title">
      {plan.ref}
      {plan.context !== null && ` in context ${plan.context}`} as deployment {plan.deployment}
      {' '}
      <span className="lyftnb-Dim">
        {plan.based_on > 0 ? `over revision ${plan.based_on}` : 'new'} · plan {plan.id}
      </span>
    </h4>
  );
}

function Made({ deployment, planning }: { deployment: Deployment; planning: Planning }): JSX.Element {
  return (
    <p className="lyftnb-Plan-made" role="status">
      <span aria-hidden="true">✓</span> {deployment.name} runs {deployment.workflow}@{deployment.version} as
      revision {deployment.revision}.
      {deployment.gate && ` Its health gate looks at its first ${deployment.gate.batches} batches.`}{' '}
      <button type="button" className="lyftnb-Small" onClick={() => planning.take('watch')}>
        Watch it
      </button>
    </p>
  );
}

function Stops({ problems }: { problems: readonly Problem[] }): JSX.Element | null {
  const { reveal } = useEditor();
  if (problems.length === 0) {
    return null;
  }
  const title = problems.every(problem => problem.severity === 'note') ? 'Notes' : 'Problems';
  return (
    <section className="lyftnb-Plan-group" aria-label={`${title} of the plan`}>
      <h4>{title}</h4>
      <ul className="lyftnb-Plan-lines">
        {problems.map((problem, index) => (
          <li key={index}>
            <div className="lyftnb-Plan-line">
              <SeveritySign severity={problem.severity} />
              <span>{problem.message}</span>
              {problem.path.length > 0 && (
                <button type="button" className="lyftnb-Link" onClick={() => reveal(problem.path)}>
                  {placeOf(problem.path)}
                </button>
              )}
            </div>
            {problem.hint && <p className="lyftnb-Plan-why">{problem.hint}</p>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function ChangeGroup({ group, planning }: { group: Group; planning: Planning }): JSX.Element {
  return (
    <section className="lyftnb-Plan-group" aria-label={group.title}>
      <h4>
        {group.title}
        {group.unchanged > 0 && <span className="lyftnb-Dim"> · {group.unchanged} unchanged</span>}
      </h4>
      {group.lines.length > 0 && (
        <ul className="lyftnb-Plan-lines">
          {group.lines.map((line, index) => (
            <ChangeLine key={index} line={line} planning={planning} />
          ))}
        </ul>
      )}
    </section>
  );
}

function ChangeLine({ line, planning }: { line: Line; planning: Planning }): JSX.Element {
  return (
    <li>
      <div className="lyftnb-Plan-line">
        <SignMark sign={line.sign} />
        <span className="lyftnb-Plan-verb">{line.verb}</span>
        <PartName name={line.subject} part={line.verb === 'remove' ? null : line.part} />
        {line.detail && <span className="lyftnb-Plan-detail">{line.detail}</span>}
      </div>
      <Fields lines={line.fields} />
      {line.accept !== null && <Accept name={line.accept} line={line} planning={planning} />}
    </li>
  );
}

/** What accepting it means, by its verb. */
const MEANS: Record<string, string> = {
  drain: 'the apply waits until all of it has been read',
  reset: 'it begins again from nothing',
  drop: 'it is forgotten',
  start: 'the rows that are there are left out'
};

function Accept({ name, line, planning }: { name: string; line: Line; planning: Planning }): JSX.Element {
  const { standing, accept } = planning;
  const why = useId();
  return (
    <label className="lyftnb-Plan-accept">
      <input
        type="checkbox"
        data-accept={name}
        aria-describedby={why}
        disabled={standing.applied}
        checked={standing.accepted.has(name)}
        onChange={event => accept([name], event.target.checked)}
      />
      <span>
        Accept {name}
        <span id={why} className="lyftnb-Dim">
          : {MEANS[line.verb] ?? 'something is lost'}
        </span>
      </span>
    </label>
  );
}

function Verdict({ plan, planning }: { plan: PlanView; planning: Planning }): JSX.Element {
  const { standing, gate, setGate, accept } = planning;
  const missing = plan.accept.filter(name => !standing.accepted.has(name));
  return (
    <footer className="lyftnb-Plan-verdict">
      <p>
        <strong>{countsOf(plan.changes) || 'Nothing to change.'}</strong>{' '}
        <span className="lyftnb-Dim">{hindrance('apply', standing)}</span>
      </p>
      {missing.length > 1 && (
        <button type="button" className="lyftnb-Small" onClick={() => accept(missing, true)}>
          Accept all {missing.length}
        </button>
      )}
      {plan.based_on > 0 && !plan.empty && <GateField gate={gate} setGate={setGate} before={plan.based_on} />}
    </footer>
  );
}

const BATCHES = 10;

interface GateProps {
  gate: number | null;
  setGate: (batches: number | null) => void;
  before: number;
}

function GateField({ gate, setGate, before }: GateProps): JSX.Element {
  return (
    <div className="lyftnb-Plan-gate">
      <label>
        <input type="checkbox" checked={gate !== null} onChange={event => setGate(event.target.checked ? BATCHES : null)} />{' '}
        Health gate
      </label>
      {gate !== null && (
        <label>
          over its first{' '}
          <input
            className="lyftnb-Input"
            type="number"
            min={1}
            value={gate}
            onChange={event => setGate(Math.max(1, Math.round(event.target.valueAsNumber) || 1))}
          />{' '}
          batches
        </label>
      )}
      <span className="lyftnb-Dim">
        {gate === null
          ? 'off: it stays, however its batches go'
          : `goes back to revision ${before} by itself if they have more rejects or failures than its last ones`}
      </span>
    </div>
  );
}

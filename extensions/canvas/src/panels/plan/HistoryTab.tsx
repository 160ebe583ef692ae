/** What was applied, when and by whom; and what may be done with what runs. */
import { useState, type JSX } from 'react';
import { useEditor } from '../../editor/model';
import type { DeploymentView, RevisionInfo } from '../../protocol';
import { useAnswer, useDoing, useWatching } from '../../views/asking';
import { Badge, Empty, Moment, TroubleNote } from '../../views/parts';
import { Destroy } from './Destroy';
import { Rollback } from './Rollback';
import type { Planning } from './usePlanning';
import { chosenOf } from './way';

export function HistoryTab({ planning }: { planning: Planning }): JSX.Element {
  const { deployments, standing } = planning;
  const [chosen, setChosen] = useState<string | null>(null);
  const fitting = chosenOf(standing.choice, deployments) ?? deployments[0];
  const name = deployments.find(each => each.name === chosen)?.name ?? fitting?.name;
  if (name === undefined) {
    return <Empty>Nothing of this workflow is applied.</Empty>;
  }
  return (
    <div className="lyftnb-Plan-history">
      {deployments.length > 1 && (
        <label>
          Deployment{' '}
          <select className="lyftnb-Input" value={name} onChange={event => setChosen(event.target.value)}>
            {deployments.map(each => (
              <option key={each.name}>{each.name}</option>
            ))}
          </select>
        </label>
      )}
      <One key={name} name={name} changed={planning.changed} />
    </div>
  );
}

function One({ name, changed }: { name: string; changed: () => void }): JSX.Element {
  const { service } = useEditor();
  useWatching(service, true, name);
  const { answer: view, trouble, again } = useAnswer(service, 'deployment', { deployment: name }, ['status']);
  const done = (): void => {
    again();
    changed();
  };
  return (
    <section aria-label={`Deployment ${name}`}>
      <TroubleNote trouble={trouble} />
      {view && <Head view={view} held={again} destroyed={done} />}
      <ol className="lyftnb-List" aria-label="Revisions, newest first">
        {view?.history.map(revision => (
          <RevisionRow
            key={revision.number}
            deployment={name}
            revision={revision}
            current={revision.number === view.deployment.revision}
            done={done}
          />
        ))}
      </ol>
    </section>
  );
}

interface HeadProps {
  view: DeploymentView;
  /** It was paused, or let go on. */
  held: () => void;
  destroyed: () => void;
}

function Head({ view, held, destroyed }: HeadProps): JSX.Element {
  const { service } = useEditor();
  const { doing, trouble, run } = useDoing();
  const { deployment, status } = view;
  const paused = deployment.pauses.whole === true;
  const hold = (): void =>
    run(() => service.ask(paused ? 'resume' : 'pause', { deployment: deployment.name }).then(held));
  return (
    <header className="lyftnb-Plan-deployed">
      <strong>{deployment.name}</strong>
      <Badge state={status.health} reason={status.health_reason} />
      <Badge state={status.sync} reason={status.sync_reason} />
      <button type="button" className="lyftnb-Small" disabled={doing} onClick={hold}>
        {paused ? 'Resume' : 'Pause'}
      </button>
      <Destroy deployment={deployment.name} done={destroyed} />
      {deployment.gate && (
        <p>
          Its health gate is open yet: it looks at the first {deployment.gate.batches} batches, and goes back to
          revision {deployment.gate.before} if they do worse.
        </p>
      )}
      <TroubleNote trouble={trouble} />
    </header>
  );
}

const CAUSES: Record<string, string> = {
  apply: 'applied',
  rollback: 'rolled back',
  gate: 'back, as the health gate says,',
  failure: 'back, after a failed start,'
};

interface RevisionRowProps {
  deployment: string;
  revision: RevisionInfo;
  current: boolean;
  done: () => void;
}

function RevisionRow({ deployment, revision, current, done }: RevisionRowProps): JSX.Element {
  return (
    <li className="lyftnb-Row" aria-current={current ? 'true' : undefined}>
      <div className="lyftnb-Row-line">
        <strong>Revision {revision.number}</strong>
        <span>
          {revision.ref}
          {revision.context !== null && ` in ${revision.context}`}
        </span>
        <span className="lyftnb-Dim">
          {CAUSES[revision.cause] ?? revision.cause} <Moment time={revision.applied_at} /> by {revision.applied_by}
        </span>
        {current ? (
          <span className="lyftnb-Dim">▶ this one runs</span>
        ) : (
          <Rollback deployment={deployment} revision={revision} done={done} />
        )}
      </div>
      {revision.changes.length > 0 && (
        <details>
          <summary>{revision.changes.length === 1 ? '1 change' : `${revision.changes.length} changes`}</summary>
          <ul className="lyftnb-Plan-told">
            {revision.changes.map((change, index) => (
              <li key={index}>{change}</li>
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}

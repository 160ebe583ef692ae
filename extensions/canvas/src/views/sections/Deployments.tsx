/** What is applied, how it stands and why. */
import { useState, type JSX } from 'react';
import type { DeploymentStatus } from '../../protocol';
import type { Service } from '../../service';
import { useAnswer, useDoing } from '../asking';
import { IconButton } from '../Icon';
import { Badge, Empty, TroubleNote } from '../parts';
import type { Target } from '../registry';
import { matches, nothing, type SectionProps } from './section';

const LIMIT = 1000;

export function Deployments({ service, filter, open }: SectionProps): JSX.Element {
  const { answer, trouble, again } = useAnswer(service, 'deployments', { limit: LIMIT }, ['status']);
  const shown = answer?.filter(each => matches(filter, each.name, each.ref, each.health, each.sync));
  return (
    <>
      <TroubleNote trouble={trouble} />
      {shown?.length === 0 && (
        <Empty>{nothing(answer, filter, 'Nothing is applied. Publish a workflow and apply it.')}</Empty>
      )}
      <ul className="lyftnb-List">
        {shown?.map(each => (
          <Row key={each.name} status={each} service={service} open={open} done={again} />
        ))}
      </ul>
    </>
  );
}

interface RowProps {
  status: DeploymentStatus;
  service: Service;
  open: (target: Target) => void;
  done: () => void;
}

function Row({ status, service, open, done }: RowProps): JSX.Element {
  const { name: deployment, health, sync, health_reason, sync_reason } = status;
  const { doing, trouble, run } = useDoing();
  const [asking, setAsking] = useState(false);
  const paused = health === 'paused';
  const act = (op: 'pause' | 'resume' | 'destroy'): void => {
    setAsking(false);
    run(() => service.ask(op, { deployment }).then(done));
  };
  const reason = health === 'healthy' ? (sync === 'synced' ? '' : sync_reason) : health_reason;
  return (
    <li className="lyftnb-Row">
      <div className="lyftnb-Row-line lyftnb-Row-head">
        <button
          type="button"
          className="lyftnb-Link"
          title="Open on the canvas"
          onClick={() => open({ view: 'deployment', deployment })}
        >
          {deployment}
        </button>
        <span className="lyftnb-Dim" title={`Revision ${status.revision}`}>
          {status.ref}
          {status.context && ` in ${status.context}`}
        </span>
        <span className="lyftnb-Row-actions">
          <IconButton
            icon="monitor"
            label={`Watch ${deployment} run`}
            onClick={() => open({ view: 'monitor', deployment })}
          />
          <IconButton
            icon={paused ? 'resume' : 'pause'}
            label={`${paused ? 'Resume' : 'Pause'} ${deployment}`}
            disabled={doing}
            onClick={() => act(paused ? 'resume' : 'pause')}
          />
          <IconButton
            icon="remove"
            label={`Destroy ${deployment}…`}
            disabled={doing}
            onClick={() => setAsking(true)}
          />
        </span>
      </div>
      <div className="lyftnb-Row-line">
        <Badge state={health} reason={health_reason} />
        <Badge state={sync} reason={sync_reason} />
      </div>
      {reason && <div className="lyftnb-Dim lyftnb-Row-reason">{reason}</div>}
      {asking && (
        <div className="lyftnb-Confirm" role="alertdialog" aria-label={`Destroy ${deployment}?`}>
          <p>It runs no more; its spools and its history stay.</p>
          <button type="button" className="lyftnb-Small lyftnb-mod-warn" onClick={() => act('destroy')}>
            Destroy {deployment}
          </button>
          <button type="button" className="lyftnb-Small" autoFocus onClick={() => setAsking(false)}>
            Keep
          </button>
        </div>
      )}
      <TroubleNote trouble={trouble} />
    </li>
  );
}

/** A deployment of this workflow at work, beside its graph: numbers, runs, issues, messages, log. */
import { useEffect, useMemo, useState, type JSX } from 'react';
import { ownOf } from '../editor/deployed';
import { useEditor, type EditorModel } from '../editor/model';
import type { DeploymentView, Message } from '../protocol';
import type { Service } from '../service';
import { useAnswer, useDoing, useWatching } from '../views/asking';
import { Badge, Empty, Moment, Tabs, TroubleNote, WhenUp, type Tab } from '../views/parts';
import type { Target } from '../views/registry';
import { RunMonitor } from '../views/RunMonitor';
import { Issues } from '../views/sections/Issues';
import { Runs } from '../views/sections/Runs';
import { Schedules } from '../views/sections/Schedules';

const SHOWN_MESSAGES = 100;

export function LivePanel(): JSX.Element {
  const { service } = useEditor();
  return (
    <div className="lyftnb-LivePanel">
      <WhenUp service={service}>
        <Deployments />
      </WhenUp>
    </div>
  );
}

/** Which deployment is looked at: the one that is painted on the graph, else the first there is. */
function Deployments(): JSX.Element {
  const editor = useEditor();
  const { service, overlay } = editor;
  const { answer, trouble } = useAnswer(service, 'deployments', {}, ['status']);
  const own = useMemo(() => ownOf(editor.document, answer ?? []), [editor.document, answer]);
  const painted = overlay.kind === 'live' ? overlay.view.deployment.name : null;
  const [chosen, setChosen] = useState<string | null>(painted);
  const name = own.find(each => each.name === chosen)?.name ?? painted ?? own[0]?.name ?? null;
  if (name === null) {
    return (
      <>
        <TroubleNote trouble={trouble} />
        {answer && (
          <Empty>Nothing of this workflow is deployed. Publish it, plan it, and apply the plan.</Empty>
        )}
      </>
    );
  }
  return (
    <>
      <TroubleNote trouble={trouble} />
      {own.length > 1 && (
        <label className="lyftnb-LivePanel-choice">
          Deployment{' '}
          <select className="lyftnb-Input" value={name} onChange={event => setChosen(event.target.value)}>
            {own.map(each => (
              <option key={each.name}>{each.name}</option>
            ))}
          </select>
        </label>
      )}
      <One key={name} name={name} />
    </>
  );
}

function One({ name }: { name: string }): JSX.Element {
  const editor = useEditor();
  const { service } = editor;
  useWatching(service, true, name);
  const { answer: view, trouble, again } = useAnswer(service, 'deployment', { deployment: name }, ['status']);
  usePainted(editor, view);
  const tabs = useMemo(() => tabsOf(service, name, target => reveal(editor, target)), [service, name, editor]);
  return (
    <section className="lyftnb-LivePanel-one" aria-label={`Deployment ${name}`}>
      <TroubleNote trouble={trouble} />
      {view && <Head view={view} service={service} done={again} />}
      <Tabs tabs={tabs} label={`What happens in ${name}`} />
    </section>
  );
}

/** Paint what is deployed on the graph, as long as the panel shows it. */
function usePainted(editor: EditorModel, view: DeploymentView | null): void {
  const { setOverlay } = editor;
  useEffect(() => {
    if (view !== null) {
      setOverlay({ kind: 'live', view });
    }
  }, [view, setOverlay]);
}

interface HeadProps {
  view: DeploymentView;
  service: Service;
  done: () => void;
}

function Head({ view, service, done }: HeadProps): JSX.Element {
  const { doing, trouble, run } = useDoing();
  const { status, deployment, drifted } = view;
  const held = deployment.pauses.whole === true;
  const hold = (op: 'pause' | 'resume'): void =>
    run(() => service.ask(op, { deployment: deployment.name }).then(done));
  return (
    <header className="lyftnb-LivePanel-head">
      <h3>{deployment.name}</h3>
      <span className="lyftnb-Dim">
        {status.ref}, revision {deployment.revision}
        {deployment.context ? `, context ${deployment.context}` : ''}
      </span>
      <Badge state={status.health} reason={status.health_reason} />
      <Badge state={status.sync} reason={status.sync_reason} />
      <button
        type="button"
        className="lyftnb-Small"
        disabled={doing}
        onClick={() => hold(held ? 'resume' : 'pause')}
      >
        {held ? 'Resume' : 'Pause'}
      </button>
      {(status.health_reason || status.sync_reason) && (
        <p>{[status.health_reason, status.sync_reason].filter(Boolean).join('; ')}</p>
      )}
      {drifted.length > 0 && <p>Would run otherwise if it were applied now: {drifted.join(', ')}.</p>}
      <TroubleNote trouble={trouble} />
    </header>
  );
}

function tabsOf(service: Service, name: string, open: (target: Target) => void): Tab[] {
  const shared = { service, filter: name, open };
  return [
    {
      id: 'work',
      label: 'At work',
      content: () => <RunMonitor service={service} target={{ view: 'monitor', deployment: name }} />
    },
    { id: 'runs', label: 'Runs', content: () => <Runs {...shared} /> },
    { id: 'issues', label: 'Issues', content: () => <Issues {...shared} /> },
    { id: 'messages', label: 'Messages', content: () => <Messages service={service} deployment={name} /> },
    { id: 'schedules', label: 'Schedules', content: () => <Schedules {...shared} /> },
    { id: 'log', label: 'Log', content: () => <Log service={service} /> }
  ];
}

function Messages({ service, deployment }: { service: Service; deployment: string }): JSX.Element {
  const params = { deployment, limit: SHOWN_MESSAGES };
  const { answer, trouble } = useAnswer(service, 'messages', params, ['message']);
  return (
    <>
      <TroubleNote trouble={trouble} />
      {answer?.length === 0 && <Empty>No message has come from it yet.</Empty>}
      <ul className="lyftnb-List">{answer?.map(each => <Line key={each.id} message={each} />)}</ul>
    </>
  );
}

function Line({ message }: { message: Message }): JSX.Element {
  return (
    <li className="lyftnb-Row">
      <div className="lyftnb-Row-line">
        <strong>{message.tag ?? message.type}</strong>
        <span className="lyftnb-Dim">
          {message.job ?? message.source} · <Moment time={message.at} />
        </span>
      </div>
      <code className="lyftnb-LivePanel-payload">{JSON.stringify(message.payload)}</code>
    </li>
  );
}

function Log({ service }: { service: Service }): JSX.Element {
  const { answer, trouble, again, asking } = useAnswer(service, 'logs', { limit: 500 }, ['run', 'issue']);
  return (
    <>
      <TroubleNote trouble={trouble} />
      <button type="button" className="lyftnb-Small" disabled={asking} onClick={again}>
        Look again
      </button>
      <pre className="lyftnb-LivePanel-log" tabIndex={0} aria-label="The manager's log, oldest first">
        {answer?.lines.join('\n')}
      </pre>
    </>
  );
}

/** Within the editor everything leads to a step. */
function reveal(editor: EditorModel, target: Target): void {
  const step = stepOf(editor.document, target);
  if (step !== null) {
    editor.reveal(['steps', step]);
  }
}

/** The step that a target speaks of: of a spool, the one that fills it or whose rejects it holds. */
export function stepOf(document: EditorModel['document'], target: Target): string | null {
  const steps = (document?.['steps'] ?? {}) as Record<string, { out?: unknown }>;
  if (target.view !== 'spools' || target.spool === undefined) {
    return null;
  }
  const channel = target.spool.split('.')[1] ?? target.spool;
  const rejects = channel.replace(/_rejects$/, '');
  if (rejects !== channel && rejects in steps) {
    return rejects;
  }
  const fills = ([, step]: [string, { out?: unknown }]): boolean =>
    step.out === channel ||
    (typeof step.out === 'object' && step.out !== null && Object.values(step.out).includes(channel));
  return Object.entries(steps).find(fills)?.[0] ?? null;
}

/** A run, or a deployment at work: its stages with their progress, and the batches they committed. */
import { useEffect, useState, type JSX } from 'react';
import type { Numbers, StageProgress } from '../protocol';
import type { Service } from '../service';
import { useAnswer, useDoing, useWatching } from './asking';
import { count, many, seconds, took } from './format';
import { Badge, Empty, Moment, TroubleNote, WhenUp } from './parts';
import type { ViewProps } from './registry';
import { Sparkline } from './Sparkline';

/** So many of the newest speeds make the line: about a minute of news. */
const KEPT = 120;

export function RunMonitor({ service, target }: ViewProps<'monitor'>): JSX.Element {
  return (
    <div className="lyftnb-View lyftnb-RunMonitor">
      <WhenUp service={service}>
        {target.deployment === undefined ? (
          <All service={service} />
        ) : (
          <One service={service} deployment={target.deployment} run={target.run} />
        )}
      </WhenUp>
    </div>
  );
}

/** All deployments, one below the other. */
function All({ service }: { service: Service }): JSX.Element {
  const { answer, trouble } = useAnswer(service, 'deployments', {}, ['status']);
  useWatching(service, true);
  return (
    <>
      <TroubleNote trouble={trouble} />
      {answer?.length === 0 && <Empty>Nothing is applied, so nothing runs.</Empty>}
      {answer?.map(each => <Work key={each.name} service={service} deployment={each.name} />)}
    </>
  );
}

interface OneProps {
  service: Service;
  deployment: string;
  run?: string;
}

function One({ service, deployment, run }: OneProps): JSX.Element {
  useWatching(service, true, deployment);
  return (
    <>
      <Work service={service} deployment={deployment} run={run} />
      <Batches service={service} deployment={deployment} />
    </>
  );
}

function Work({ service, deployment, run: name }: OneProps): JSX.Element {
  const { numbers, speeds } = useNumbers(service, deployment);
  const { answer: runs, trouble } = useAnswer(service, 'runs', { deployment, limit: 50 }, ['run']);
  const { doing, trouble: refused, run: act } = useDoing();
  const run = runs?.find(each => (name === undefined ? each.status === 'running' : each.run === name));
  const stages = numbers?.progress.stages ?? [];
  // The numbers go on with the deployment, also after a run of it has ended.
  const works = run === undefined ? name === undefined : run.status === 'running';
  const passed = run?.ended_at ? took(run) : works ? (numbers?.progress.seconds ?? null) : null;
  return (
    <section className="lyftnb-Work" aria-label={`${deployment} at work`}>
      <header>
        <h3>{run?.run ?? name ?? deployment}</h3>
        {run && <Badge state={run.status ?? 'queued'} reason={run.note ?? undefined} />}
        {passed !== null && <span className="lyftnb-Dim">{run?.ended_at ? `took ${seconds(passed)}` : seconds(passed)}</span>}
        {run?.status === 'running' && run.stage === null && (
          <button
            type="button"
            className="lyftnb-Small"
            disabled={doing}
            onClick={() => act(() => service.ask('run.cancel', { run: run.run }))}
          >
            Cancel
          </button>
        )}
      </header>
      <TroubleNote trouble={trouble ?? refused} />
      {run?.note && <p className="lyftnb-Dim">{run.note}</p>}
      {stages.length === 0 ? (
        <Empty>No news of it yet: numbers come while it works.</Empty>
      ) : (
        <div className="lyftnb-Scroll" tabIndex={0} role="region" aria-label={`Stages of ${deployment}`}>
          <Stages stages={stages} speeds={speeds} />
        </div>
      )}
      {numbers && numbers.progress.texts.length > 0 && (
        <pre className="lyftnb-Prints">{numbers.progress.texts.join('\n')}</pre>
      )}
    </section>
  );
}

interface StagesProps {
  stages: readonly StageProgress[];
  speeds: Readonly<Record<string, readonly number[]>>;
}

function Stages({ stages, speeds }: StagesProps): JSX.Element {
  return (
    <table className="lyftnb-Table">
      <thead>
        <tr>
          <th scope="col">Stage</th>
          <th scope="col">State</th>
          <th scope="col">Progress</th>
          <th scope="col">Rows in</th>
          <th scope="col">Rows out</th>
          <th scope="col">Rows/s</th>
          <th scope="col">Rejects</th>
          <th scope="col">Batches</th>
        </tr>
      </thead>
      <tbody>
        {stages.map(stage => (
          <tr key={stage.stage}>
            <th scope="row">{stage.stage}</th>
            <td>
              <Badge state={stage.state} reason={stage.note} />
              {stage.note && <div className="lyftnb-Dim">{stage.note}</div>}
            </td>
            <td>
              <Bar stage={stage} />
            </td>
            <td className="lyftnb-Number">{count(stage.rows_in)}</td>
            <td className="lyftnb-Number">{count(stage.rows_out)}</td>
            <td className="lyftnb-Number">
              <Sparkline
                values={speeds[stage.stage] ?? []}
                label={`${stage.stage}: ${count(stage.rows_per_s)} rows a second now`}
              />{' '}
              {count(stage.rows_per_s)}
            </td>
            <td className="lyftnb-Number" data-some={stage.rejects > 0}>
              {count(stage.rejects)}
            </td>
            <td className="lyftnb-Number">{count(stage.batches)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Units are splits seen so far: a stage that follows its input has no end to be measured by. */
function Bar({ stage }: { stage: StageProgress }): JSX.Element {
  const done = stage.state === 'done';
  const share = stage.units === 0 ? Number(done) : Math.min(stage.units_done / stage.units, 1);
  const some = `${count(stage.units_done)} of ${count(stage.units)}`;
  const words = stage.units > 0 ? some : done ? 'all of it' : 'nothing yet';
  return (
    <div className="lyftnb-Bar" data-state={stage.state}>
      <div
        className="lyftnb-Bar-track"
        role="progressbar"
        aria-label={`Progress of ${stage.stage}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
        aria-valuetext={words}
      >
        <div style={{ width: `${share * 100}%` }} />
      </div>
      <span className="lyftnb-Dim">{words}</span>
    </div>
  );
}

function Batches({ service, deployment }: { service: Service; deployment: string }): JSX.Element {
  const { answer, trouble } = useAnswer(service, 'batches', { deployment, limit: 100 }, ['progress', 'run']);
  return (
    <details className="lyftnb-Section" open>
      <summary>Batches</summary>
      <TroubleNote trouble={trouble} />
      {answer?.length === 0 && <Empty>None is committed yet.</Empty>}
      {answer && answer.length > 0 && (
        <div className="lyftnb-Scroll" tabIndex={0} role="region" aria-label={`Batches of ${deployment}`}>
          <table className="lyftnb-Table">
            <thead>
              <tr>
                <th scope="col">Batch</th>
                <th scope="col">Snapshot</th>
                <th scope="col">Committed</th>
                <th scope="col">Rows in</th>
                <th scope="col">Rows out</th>
                <th scope="col">Rejects</th>
                <th scope="col">Attempt</th>
              </tr>
            </thead>
            <tbody>
              {answer.map(batch => (
                <tr key={batch.batch}>
                  <th scope="row">{batch.batch}</th>
                  <td className="lyftnb-Number">{batch.snapshot}</td>
                  <td>
                    <Moment time={batch.committed_at} />
                  </td>
                  <td className="lyftnb-Number">{count(batch.rows_in)}</td>
                  <td className="lyftnb-Number">{count(batch.rows_out)}</td>
                  <td className="lyftnb-Number" data-some={batch.rejects > 0}>
                    {count(batch.rejects)}
                  </td>
                  <td className="lyftnb-Number">{batch.attempt}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {answer.length === 100 && <p className="lyftnb-Dim">The newest {many(100, 'batch')}.</p>}
        </div>
      )}
    </details>
  );
}

interface Lately {
  numbers: Numbers | null;
  speeds: Readonly<Record<string, readonly number[]>>;
}

function useNumbers(service: Service, deployment: string): Lately {
  const [lately, setLately] = useState<Lately>({ numbers: null, speeds: {} });
  useEffect(() => {
    setLately({ numbers: null, speeds: {} });
    return service.on('progress', numbers => {
      if (numbers.progress.deployment === deployment) {
        setLately(before => ({ numbers, speeds: grown(before.speeds, numbers) }));
      }
    });
  }, [service, deployment]);
  return lately;
}

/** The speeds with the newest ones behind them. */
export function grown(speeds: Lately['speeds'], numbers: Numbers): Lately['speeds'] {
  return Object.fromEntries(
    numbers.progress.stages.map(({ stage, rows_per_s }) => [
      stage,
      [...(speeds[stage] ?? []), rows_per_s].slice(-KEPT)
    ])
  );
}

/** The newest runs. */
import type { JSX } from 'react';
import type { Run } from '../../protocol';
import { useAnswer, useDoing } from '../asking';
import { seconds, took } from '../format';
import { IconButton } from '../Icon';
import { Badge, Empty, Moment, TroubleNote } from '../parts';
import { matches, nothing, type SectionProps } from './section';

export function Runs({ service, filter, open }: SectionProps): JSX.Element {
  const { answer, trouble, again } = useAnswer(service, 'runs', { limit: 50 }, ['run']);
  const { doing, trouble: refused, run } = useDoing();
  const shown = answer?.filter(each => matches(filter, each.run, each.stage, each.status, each.cause));
  return (
    <>
      <TroubleNote trouble={trouble ?? refused} />
      {shown?.length === 0 && <Empty>{nothing(answer, filter, 'Nothing has run yet.')}</Empty>}
      <ul className="lyftnb-List">
        {shown?.map(each => (
          <li key={each.run} className="lyftnb-Row">
            <div className="lyftnb-Row-line">
              <button
                type="button"
                className="lyftnb-Link"
                onClick={() => open({ view: 'monitor', deployment: each.deployment, run: each.run })}
              >
                {each.run}
              </button>
              <Badge state={each.status ?? 'queued'} reason={each.note ?? undefined} />
              {each.status === 'running' && each.stage === null && (
                <span className="lyftnb-Row-actions">
                  <IconButton
                    icon="close"
                    label={`Cancel ${each.run}`}
                    title="Cancel; what is committed stays"
                    disabled={doing}
                    onClick={() => run(() => service.ask('run.cancel', { run: each.run }).then(again))}
                  />
                </span>
              )}
            </div>
            <div className="lyftnb-Dim">{story(each)}</div>
          </li>
        ))}
      </ul>
    </>
  );
}

function story(run: Run): JSX.Element {
  const begun = run.started_at ?? run.fired_at;
  const passed = took(run);
  return (
    <>
      {run.stage ? `${run.stage} · ` : ''}
      {run.cause ?? 'hand'}
      {begun && (
        <>
          {' · '}
          <Moment time={begun} />
        </>
      )}
      {passed !== null && <> · took {seconds(passed)}</>}
    </>
  );
}

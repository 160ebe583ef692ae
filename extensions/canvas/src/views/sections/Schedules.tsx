/** What the clock will fire, and when. */
import type { JSX } from 'react';
import { useAnswer, useDoing } from '../asking';
import { IconButton } from '../Icon';
import { Badge, Empty, Moment, TroubleNote } from '../parts';
import { matches, nothing, type SectionProps } from './section';

export function Schedules({ service, filter, open }: SectionProps): JSX.Element {
  const { answer, trouble, again } = useAnswer(service, 'schedules', {}, ['run', 'status']);
  const { doing, trouble: refused, run } = useDoing();
  const shown = answer?.filter(each => matches(filter, each.deployment, each.step, each.trigger));
  return (
    <>
      <TroubleNote trouble={trouble ?? refused} />
      {shown?.length === 0 && <Empty>{nothing(answer, filter, 'Nothing is fired by the clock.')}</Empty>}
      <ul className="lyftnb-List">
        {shown?.map(({ deployment, step, trigger, next, paused }) => (
          <li key={`${deployment}/${step}/${trigger}`} className="lyftnb-Row">
            <div className="lyftnb-Row-line">
              <button
                type="button"
                className="lyftnb-Link"
                onClick={() => open({ view: 'deployment', deployment })}
              >
                {deployment}/{step}
              </button>
              {paused && <Badge state="paused" />}
              <span className="lyftnb-Row-actions">
                <IconButton
                  icon="fire"
                  label={`Fire ${deployment}/${step} now`}
                  disabled={doing}
                  onClick={() => run(() => service.ask('fire', { deployment, step }).then(again))}
                />
              </span>
            </div>
            <div className="lyftnb-Dim">
              {trigger}
              {next[0] && !paused && (
                <>
                  {' · '}
                  <Moment time={next[0]} />
                </>
              )}
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}

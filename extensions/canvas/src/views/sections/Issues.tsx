/** What a person should see to, worst first. */
import type { JSX } from 'react';
import type { Issue } from '../../protocol';
import type { Service } from '../../service';
import { useAnswer, useDoing } from '../asking';
import { IconButton } from '../Icon';
import { causeOf, isBlocked, placeOf } from '../issues';
import { Badge, Empty, Moment, TroubleNote } from '../parts';
import type { Target } from '../registry';
import { matches, nothing, type SectionProps } from './section';

const WORST = ['error', 'warning', 'note'];

export function Issues({ service, filter, open }: SectionProps): JSX.Element {
  const { answer, trouble, again } = useAnswer(service, 'issues', { limit: 200 }, ['issue', 'status']);
  const shown = answer
    ?.filter(each => matches(filter, each.code, each.place, each.cause, each.severity))
    .sort((a, b) => WORST.indexOf(a.severity) - WORST.indexOf(b.severity));
  return (
    <>
      <TroubleNote trouble={trouble} />
      {shown?.length === 0 && <Empty>{nothing(answer, filter, 'All is well.')}</Empty>}
      <ul className="lyftnb-List">
        {shown?.map(each => (
          <Row key={each.id} issue={each} service={service} open={open} done={again} />
        ))}
      </ul>
    </>
  );
}

interface RowProps {
  issue: Issue;
  service: Service;
  open: (target: Target) => void;
  done: () => void;
}

function Row({ issue, service, open, done }: RowProps): JSX.Element {
  const { doing, trouble, run } = useDoing();
  const { deployment, step } = placeOf(issue);
  const stuck = isBlocked(issue);
  const mend = (op: 'retry' | 'skip'): void =>
    run(() => service.ask(op, { deployment, step: step ?? '' }).then(done));
  return (
    <li className="lyftnb-Row" data-severity={issue.severity}>
      <div className="lyftnb-Row-line">
        <Badge state={issue.severity} />
        <button
          type="button"
          className="lyftnb-Link"
          title="Open what it is about"
          onClick={() => open(causeOf(issue))}
        >
          {issue.place}
        </button>
        <span className="lyftnb-Dim">
          <Moment time={issue.last_at} />
          {issue.count > 1 && ` · ${issue.count} times`}
        </span>
      </div>
      <div>{issue.cause}</div>
      {issue.hint && <div className="lyftnb-Dim">{issue.hint}</div>}
      <div className="lyftnb-Row-line">
        <code className="lyftnb-Dim">{issue.code}</code>
        <span className="lyftnb-Row-actions">
          {stuck && (
            <>
              <IconButton
                icon="retry"
                label={`Let ${issue.place} try again`}
                disabled={doing}
                onClick={() => mend('retry')}
              />
              <IconButton
                icon="skip"
                label={`Let ${issue.place} go on behind the batch that fails`}
                title="Go on behind the batch that fails; what it skips is recorded"
                disabled={doing}
                onClick={() => mend('skip')}
              />
            </>
          )}
          <IconButton
            icon="close"
            label={`Close the issue at ${issue.place}`}
            title="Close; it comes back if its cause is still there"
            disabled={doing}
            onClick={() => run(() => service.ask('issue.close', { issue: issue.id }).then(done))}
          />
        </span>
      </div>
      <TroubleNote trouble={trouble} />
    </li>
  );
}

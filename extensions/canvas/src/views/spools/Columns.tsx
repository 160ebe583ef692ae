/** The columns of a spool in numbers. */
import type { JSX } from 'react';
import { useAnswer } from '../asking';
import { FactsTable } from '../FactsTable';
import { Empty, TroubleNote } from '../parts';
import type { Place } from './Rows';

export function Columns({ service, spool, at }: Place): JSX.Element {
  const { answer, trouble, asking, again } = useAnswer(service, 'spool.facts', { spool, at });
  if (answer === null) {
    return trouble ? <TroubleNote trouble={trouble} /> : <Empty>Counting…</Empty>;
  }
  return (
    <>
      <div className="lyftnb-Pages">
        <button type="button" className="lyftnb-Small" disabled={asking} onClick={again}>
          Count again
        </button>
      </div>
      <div className="lyftnb-Scroll" tabIndex={0} role="region" aria-label={`Columns of ${spool}`}>
        <FactsTable facts={answer} />
      </div>
    </>
  );
}

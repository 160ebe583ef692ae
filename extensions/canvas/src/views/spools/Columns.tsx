/** The columns of a spool in numbers. */
import type { JSX } from 'react';
import { useAnswer } from '../asking';
import { count } from '../format';
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
        <table className="lyftnb-Table">
          <thead>
            <tr>
              {['Column', 'Type', 'Nulls', 'Distinct', 'Min', 'Mean', 'Max', 'Most frequent'].map(each => (
                <th key={each} scope="col">
                  {each}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {answer.map(facts => (
              <tr key={facts.name}>
                <th scope="row">{facts.name}</th>
                <td className="lyftnb-Dim">{facts.type}</td>
                <td className="lyftnb-Number">{count(facts.nulls)}</td>
                <td className="lyftnb-Number">{facts.distinct === null ? '' : count(facts.distinct)}</td>
                <td className="lyftnb-Number">{facts.min}</td>
                <td className="lyftnb-Number">{facts.mean}</td>
                <td className="lyftnb-Number">{facts.max}</td>
                <td>
                  {facts.top
                    .slice(0, 3)
                    .map(([value, times]) => `${String(value)} (${count(Number(times))})`)
                    .join(', ')}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

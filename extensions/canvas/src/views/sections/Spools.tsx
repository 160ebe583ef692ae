/** The spools of the workspace. */
import type { JSX } from 'react';
import { useAnswer } from '../asking';
import { bytes, many } from '../format';
import { Empty, TroubleNote } from '../parts';
import { told } from '../spools/told';
import { matches, nothing, type SectionProps } from './section';

export function Spools({ service, filter, open }: SectionProps): JSX.Element {
  const { answer, trouble } = useAnswer(service, 'spools', {}, ['progress', 'run']);
  // Whoever asks for a name finds all of that name.
  const listed = answer && (filter === '' ? told(answer)[0] : answer);
  const shown = listed?.filter(each => matches(filter, each.spool));
  return (
    <>
      <TroubleNote trouble={trouble} />
      {shown?.length === 0 && <Empty>{nothing(answer, filter, 'There are no spools yet.')}</Empty>}
      <ul className="lyftnb-List">
        {shown?.map(({ spool, rows, bytes: size, rejects }) => (
          <li key={spool} className="lyftnb-Row">
            <div className="lyftnb-Row-line">
              <button
                type="button"
                className="lyftnb-Link"
                onClick={() => open({ view: 'spools', spool })}
              >
                {spool}
              </button>
              <span className="lyftnb-Dim">
                {many(rows, rejects ? 'rejected row' : 'row')} · {bytes(size)}
              </span>
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}

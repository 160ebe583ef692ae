/** The way of the followed row: each place where it is, leading there. */
import type { JSX } from 'react';
import type { Sighting, TracePoint } from '../protocol';
import { count } from '../views/format';
import { TroubleNote } from '../views/parts';
import type { Following } from './following';
import { rowsInWords, samePlace, titleOf } from './tracing';

export interface TraceWayProps {
  following: Following;
  place: TracePoint;
  /** Whether the rejects of the place are shown. */
  rejects: boolean;
  onGo: (to: Sighting, rejects: boolean) => void;
}

export function TraceWay({ following, place, rejects, onGo }: TraceWayProps): JSX.Element {
  const { row, answer, trouble, sightings, follow } = following;
  return (
    <aside className="lyftnb-Way" aria-label="The way of the followed row">
      <header>
        <strong>
          <span aria-hidden="true">◆</span> Row {row === null ? '' : count(row.row + 1)}
        </strong>{' '}
        of {row === null ? '' : titleOf(row)}
        <button type="button" className="lyftnb-Small" onClick={() => follow(null)}>
          Stop following
        </button>
      </header>
      <TroubleNote trouble={trouble} />
      <ol>
        {sightings.map(sighting => {
          const toRejects = sighting.rows.length === 0;
          const here = samePlace(sighting, place) && toRejects === rejects;
          return (
            <li key={titleOf(sighting)}>
              <button type="button" aria-current={here || undefined} onClick={() => onGo(sighting, toRejects)}>
                <span>{titleOf(sighting)}</span>
                <span className={sighting.rejected.length > 0 ? 'lyftnb-Way-rejected' : 'lyftnb-Dim'}>
                  {sighting.rejected.length > 0 && '⊘ '}
                  {rowsInWords(sighting)}
                </span>
              </button>
            </li>
          );
        })}
      </ol>
      {answer?.note && trouble === null && <p className="lyftnb-Dim">{answer.note}</p>}
    </aside>
  );
}

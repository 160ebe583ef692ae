/** The files of a spool. */
import type { JSX } from 'react';
import type { SegmentInfo } from '../../protocol';
import { bytes, count } from '../format';
import { Empty } from '../parts';

export function Segments({ segments }: { segments: readonly SegmentInfo[] }): JSX.Element {
  if (segments.length === 0) {
    return <Empty>It has no segments.</Empty>;
  }
  return (
    <div className="lyftnb-Scroll" tabIndex={0} role="region" aria-label="Segments">
      <table className="lyftnb-Table">
        <thead>
          <tr>
            {['Segment', 'Kind', 'Rows', 'Size', 'From sequence', 'Partition', 'Event time', 'Batch', 'Added', 'Removed'].map(
              each => (
                <th key={each} scope="col">
                  {each}
                </th>
              )
            )}
          </tr>
        </thead>
        <tbody>
          {segments.map(each => (
            <tr key={each.segment}>
              <th scope="row">{each.segment}</th>
              <td>{each.kind}</td>
              <td className="lyftnb-Number">{count(each.rows)}</td>
              <td className="lyftnb-Number">{bytes(each.bytes)}</td>
              <td className="lyftnb-Number">{each.first_seq}</td>
              <td>{each.partition}</td>
              <td>{each.event_min && `${each.event_min} … ${each.event_max ?? ''}`}</td>
              <td>{each.batch}</td>
              <td className="lyftnb-Number">{each.added}</td>
              <td className="lyftnb-Number">{each.removed}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

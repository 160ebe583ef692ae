/** Rows of a spool at a snapshot, a page at a time. */
import { useEffect, useState, type JSX } from 'react';
import { RowsTable } from '../../panels/RowsTable';
import type { Service } from '../../service';
import { useAnswer } from '../asking';
import { count } from '../format';
import { Empty, Pager, TroubleNote } from '../parts';

const PAGE = 100;

export interface Place {
  service: Service;
  spool: string;
  at: number | null;
  /** The newest snapshot: when it changes, there may be other rows. */
  version: number;
}

export function Rows({ service, spool, at, version }: Place): JSX.Element {
  const [offset, setOffset] = useState(0);
  const { answer, trouble, again } = useAnswer(service, 'spool.rows', { spool, at, offset, limit: PAGE });
  useEffect(() => setOffset(0), [at]);
  useEffect(() => {
    if (at === null && version > 0) {
      again();
    }
  }, [at, version, again]);
  if (answer === null) {
    return trouble ? <TroubleNote trouble={trouble} /> : <Empty>Reading…</Empty>;
  }
  const end = offset + answer.rows.length;
  const more = answer.total === null ? answer.rows.length === PAGE : end < answer.total;
  return (
    <>
      <TroubleNote trouble={trouble} />
      <div className="lyftnb-Pages">
        <Pager offset={offset} size={PAGE} more={more} go={setOffset}>
          <span>
            {answer.rows.length === 0
              ? 'no rows'
              : `${count(offset + 1)} to ${count(end)}${answer.total === null ? '' : ` of ${count(answer.total)}`}`}
          </span>
        </Pager>
      </div>
      <RowsTable table={answer} label={`Rows of ${spool}`} />
    </>
  );
}

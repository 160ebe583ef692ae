/** Spools: what they hold, at any snapshot, and SQL over all of them. */
import { useRef, useState, type JSX } from 'react';
import type { SpoolInfo } from '../protocol';
import type { Service } from '../service';
import { useAnswer, useWatching } from './asking';
import { bytes, many } from './format';
import { told } from './spools/told';
import { Empty, Tabs, TroubleNote, WhenUp } from './parts';
import type { ViewProps } from './registry';
import { Columns } from './spools/Columns';
import { Rows } from './spools/Rows';
import { SchemaHistory } from './spools/SchemaHistory';
import { Segments } from './spools/Segments';
import { SnapshotLine } from './spools/SnapshotLine';
import { SqlBox } from './spools/SqlBox';

export function SpoolBrowser({ service, target }: ViewProps<'spools'>): JSX.Element {
  return (
    <div className="lyftnb-View lyftnb-SpoolBrowser">
      <WhenUp service={service}>
        <Browser service={service} first={target.spool} deployment={target.deployment} />
      </WhenUp>
    </div>
  );
}

interface BrowserProps {
  service: Service;
  first?: string;
  deployment?: string;
}

function Browser({ service, first, deployment }: BrowserProps): JSX.Element {
  useWatching(service, true, deployment);
  const { answer: spools, trouble } = useAnswer(service, 'spools', { deployment }, ['progress', 'run']);
  const [chosen, setChosen] = useState(first);
  const [telling, silent] = told(spools ?? []);
  const current = chosen ?? (telling[0] ?? silent[0])?.spool;
  return (
    <>
      <nav className="lyftnb-SpoolBrowser-list" aria-label="Spools">
        <TroubleNote trouble={trouble} />
        {spools?.length === 0 && <Empty>There are no spools yet: run a workflow.</Empty>}
        <Choices spools={telling} current={current} choose={setChosen} />
        {silent.length > 0 && (
          <details open={silent.some(each => each.spool === current)}>
            <summary className="lyftnb-Dim">{many(silent.length, 'spool')} of rejects, empty</summary>
            <Choices spools={silent} current={current} choose={setChosen} />
          </details>
        )}
      </nav>
      <section className="lyftnb-SpoolBrowser-main" aria-label={current ?? 'No spool'}>
        {current !== undefined && (
          <One key={current} service={service} spool={current} spools={spools ?? []} />
        )}
      </section>
    </>
  );
}

interface ChoicesProps {
  spools: readonly SpoolInfo[];
  current: string | undefined;
  choose: (spool: string) => void;
}

function Choices({ spools, current, choose }: ChoicesProps): JSX.Element {
  return (
    <ul className="lyftnb-List">
      {spools.map(each => (
        <li key={each.spool}>
          <button
            type="button"
            className="lyftnb-Choice"
            aria-current={each.spool === current}
            onClick={() => choose(each.spool)}
          >
            <span>{each.spool}</span>
            <span className="lyftnb-Dim">
              {many(each.rows, 'row')} · {bytes(each.bytes)}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

interface OneProps {
  service: Service;
  spool: string;
  spools: readonly SpoolInfo[];
}

function One({ service, spool, spools }: OneProps): JSX.Element {
  /** A snapshot; null: the newest, whichever that is. */
  const [at, setAt] = useState<number | null>(null);
  const statement = useRef<string | null>(null);
  const { answer: view, trouble } = useAnswer(service, 'spool', { spool, at }, ['progress', 'run']);
  const place = { service, spool, at, version: view?.snapshots.at(-1)?.snapshot ?? 0 };
  return (
    <>
      <TroubleNote trouble={trouble} />
      {view && (
        <>
          <header>
            <h3>{spool}</h3>
            <Traits info={view.info} />
          </header>
          <SnapshotLine snapshots={view.snapshots} at={at} choose={setAt} />
        </>
      )}
      <Tabs
        label={`What ${spool} holds`}
        tabs={[
          { id: 'rows', label: 'Rows', content: () => <Rows {...place} /> },
          { id: 'columns', label: 'Columns', content: () => <Columns {...place} /> },
          {
            id: 'schema',
            label: 'Schema history',
            content: () => <SchemaHistory versions={view?.schemas ?? []} />
          },
          { id: 'segments', label: 'Segments', content: () => <Segments segments={view?.segments ?? []} /> },
          {
            id: 'sql',
            label: 'SQL',
            content: () => <SqlBox service={service} spools={spools} first={sourceOf(spool, at)} kept={statement} />
          }
        ]}
      />
    </>
  );
}

/** The spool in a statement, as it stood at the snapshot that is looked at. */
export function sourceOf(spool: string, at: number | null): string {
  return at === null ? spool : `spool('${spool}', at => ${at})`;
}

function Traits({ info }: { info: SpoolInfo }): JSX.Element {
  const traits = [
    many(info.rows, 'row'),
    bytes(info.bytes),
    many(info.segments, 'segment'),
    info.replaced ? 'a table: its rows are replaced' : null,
    info.rejects ? 'rejected rows' : null,
    `schema: ${info.policy}`,
    info.partition ? `partition: ${info.partition}` : null,
    info.event_time ? `event time: ${info.event_time}` : null
  ];
  return <p className="lyftnb-Dim">{traits.filter(trait => trait !== null).join(' · ')}</p>;
}

/** One place of a trace: its rows, its columns in numbers, its rejects, and what changed there. */
import { type JSX, useEffect, useState } from 'react';
import { useEditor } from '../editor/model';
import type { TracePoint } from '../protocol';
import { useDoing } from '../views/asking';
import { count, many } from '../views/format';
import { FactsTable } from '../views/FactsTable';
import { Empty, type Tab, Tabs, TroubleNote } from '../views/parts';
import { toTsv } from './cells';
import { type Following, sightedAt } from './following';
import { allRows, type RowsAt, useTracedRows } from './paging';
import { RowsTable } from './RowsTable';
import { TraceChange } from './TraceChange';
import { columnChanges, keyOf, pathOf, placeBefore, rejectsToRead, samePlace, titleOf } from './tracing';

type View = 'rows' | 'change' | 'columns';

export interface TracePlaceProps {
  trace: string;
  place: TracePoint;
  places: readonly TracePoint[];
  rejects: boolean;
  following: Following;
  onGo: (to: TracePoint, rejects?: boolean) => void;
}

export function TracePlace(props: TracePlaceProps): JSX.Element {
  const { trace, place, places, rejects, following, onGo } = props;
  const [view, setView] = useState<View>('rows');
  const before = placeBefore(places, place);
  const rows = (ofRejects: boolean): JSX.Element => (
    <Rows key={keyOf(place)} trace={trace} place={place} rejects={ofRejects} following={following} />
  );
  const columns = place.columns.length;
  const tabs: Tab[] = [];
  if (columns > 0) {
    tabs.push({ id: 'rows', label: `Rows ${count(place.rows)}`, content: () => rows(false) });
  }
  if (columns > 0 && before !== null) {
    const change = (): JSX.Element => <TraceChange key={keyOf(place)} {...{ trace, before }} after={place} />;
    tabs.push({ id: 'change', label: 'Before and after', content: change });
  }
  if (columns > 0) {
    const facts = (): JSX.Element => <Columns {...{ place, before }} />;
    tabs.push({ id: 'columns', label: `Columns ${count(columns)}`, content: facts });
  }
  if (place.rejects > 0) {
    tabs.push({ id: 'rejects', label: `⊘ Rejects ${count(place.rejects)}`, content: () => rows(true) });
  }
  const choose = (id: string): void => {
    if (id !== 'rejects') {
      setView(id as View);
    }
    if (rejects !== (id === 'rejects')) {
      onGo(place, id === 'rejects');
    }
  };
  return (
    <div className="lyftnb-Trace-place">
      <Failure place={place} before={before} first={places.find(each => each.error !== null)} onGo={onGo} />
      {tabs.length > 0 && (
        <Tabs tabs={tabs} label={titleOf(place)} shown={rejects ? 'rejects' : view} onChoose={choose} />
      )}
    </div>
  );
}

interface FailureProps {
  place: TracePoint;
  before: TracePoint | null;
  /** Where it went wrong first: what comes behind it fails for want of rows. */
  first: TracePoint | undefined;
  onGo: (to: TracePoint) => void;
}

/** What went wrong here, and the ways to its cause. */
function Failure({ place, before, first, onGo }: FailureProps): JSX.Element | null {
  if (place.error === null) {
    return null;
  }
  return (
    <div className="lyftnb-Trouble lyftnb-Trace-failure" role="alert">
      <p>
        <strong>✕ {titleOf(place)}</strong>
      </p>
      <pre>{place.error}</pre>
      <div className="lyftnb-Trace-ways">
        <Settings place={place} />
        {before !== null && (
          <button type="button" className="lyftnb-Small" onClick={() => onGo(before)}>
            See the rows before it
          </button>
        )}
        {first !== undefined && !samePlace(first, place) && (
          <button type="button" className="lyftnb-Small" onClick={() => onGo(first)}>
            See what failed first
          </button>
        )}
      </div>
    </div>
  );
}

interface RowsProps {
  trace: string;
  place: TracePoint;
  rejects: boolean;
  following: Following;
}

function Rows({ trace, place, rejects, following }: RowsProps): JSX.Element {
  const { service } = useEditor();
  const where: RowsAt = { trace, step: place.step, at: place.at, rejects };
  const marked = sightedAt(following.sightings, place, rejects);
  const first = marked.size > 0 ? Math.min(...marked) : undefined;
  const { table, trouble, need } = useTracedRows(service, where, first);
  const [current, setCurrent] = useState(0);
  useEffect(() => setCurrent(first ?? 0), [first]);
  const follow = (row: number): void => following.follow({ step: place.step, at: place.at, row });
  if (table === null) {
    return trouble === null ? <Empty>Reading…</Empty> : <TroubleNote trouble={trouble} />;
  }
  return (
    <>
      <TroubleNote trouble={trouble} />
      <div className="lyftnb-Trace-tools">
        {!rejects && place.rows > 0 && (
          <button type="button" className="lyftnb-Small" onClick={() => follow(Math.min(current, place.rows - 1))}>
            ◆ Follow row {count(Math.min(current, place.rows - 1) + 1)}
          </button>
        )}
        <Copy where={where} />
        {place.error === null && <Settings place={place} />}
      </div>
      <RowsTable
        table={rejects ? rejectsToRead(table) : table}
        label={`${rejects ? 'Rejects' : 'Rows'} of ${titleOf(place)}${rejects ? '' : '; Enter follows a row'}`}
        onNeed={need}
        marked={marked}
        at={first}
        onCurrent={setCurrent}
        onRow={rejects ? undefined : follow}
      />
    </>
  );
}

function Copy({ where }: { where: RowsAt }): JSX.Element {
  const { service, announce } = useEditor();
  const { doing, trouble, run } = useDoing();
  const copy = async (): Promise<void> => {
    const all = await allRows(service, where);
    const table = where.rejects ? rejectsToRead(all) : all;
    const area = { top: 0, left: 0, bottom: table.rows.length - 1, right: table.columns.length - 1 };
    await navigator.clipboard.writeText(toTsv(table, area));
    announce(`${many(table.rows.length, 'row')} copied as TSV`);
  };
  return (
    <>
      <button
        type="button"
        className="lyftnb-Small"
        disabled={doing}
        title="Copy all rows as tab-separated values; Ctrl+C copies what is selected"
        onClick={() => run(copy)}
      >
        Copy as TSV
      </button>
      <TroubleNote trouble={trouble} />
    </>
  );
}

function Settings({ place }: { place: TracePoint }): JSX.Element {
  const { reveal } = useEditor();
  return (
    <button type="button" className="lyftnb-Small" onClick={() => reveal(pathOf(place))}>
      Go to its settings
    </button>
  );
}

function Columns({ place, before }: { place: TracePoint; before: TracePoint | null }): JSX.Element {
  const changes = before === null ? null : columnChanges(before.columns, place.columns);
  const noteOf = (name: string): string | null => {
    const was = changes?.retyped.get(name);
    return changes?.added.includes(name) ? 'new' : was === undefined ? null : `was ${was}`;
  };
  return (
    <div className="lyftnb-Scroll" tabIndex={0} role="region" aria-label={`Columns of ${titleOf(place)}`}>
      <FactsTable facts={place.columns} noteOf={column => noteOf(column.name)} />
      {changes !== null && changes.removed.length > 0 && (
        <p className="lyftnb-Empty">Gone here: {changes.removed.join(', ')}.</p>
      )}
    </div>
  );
}

/** What the ledger keeps beside spools: keys, queues, locks, contexts, and the names of secrets. */
import { Fragment, useEffect, useMemo, useState, type JSX } from 'react';
import { RowsTable } from '../panels/RowsTable';
import type { Column, Questions, Table } from '../protocol';
import type { Service } from '../service';
import { useAnswer } from './asking';
import { moment } from './format';
import { Empty, Moment, Pager, Tabs, TroubleNote, WhenUp } from './parts';
import type { ViewProps } from './registry';

type What = Questions['state']['what'];

/** Listings whose rows have an inside are opened by the name in their first column. */
const PAGES: readonly { what: What; inside?: What; label: string; empty: string }[] = [
  { what: 'namespaces', inside: 'keys', label: 'Keys', empty: 'No keys are kept.' },
  { what: 'queues', inside: 'items', label: 'Queues', empty: 'There are no queues.' },
  { what: 'locks', label: 'Locks', empty: 'Nobody holds a lock.' },
  { what: 'contexts', inside: 'contexts', label: 'Contexts', empty: 'There are no contexts.' },
  { what: 'secrets', label: 'Secrets', empty: 'No secrets are kept.' }
];
const PAGE = 100;

export function StateBrowser({ service }: ViewProps<'state'>): JSX.Element {
  return (
    <div className="lyftnb-View lyftnb-StateBrowser">
      <WhenUp service={service}>
        <Tabs
          label="State of the workspace"
          tabs={PAGES.map(page => ({
            id: page.what,
            label: page.label,
            content: () => <Page key={page.what} service={service} {...page} />
          }))}
        />
      </WhenUp>
    </div>
  );
}

interface PageProps {
  service: Service;
  what: What;
  inside?: What;
  label: string;
  empty: string;
}

function Page({ service, what, inside, label, empty }: PageProps): JSX.Element {
  const { answer, trouble, asking, again } = useAnswer(service, 'state', { what, limit: 1000 });
  const [chosen, setChosen] = useState<string | null>(null);
  return (
    <>
      <div className="lyftnb-Pages">
        <button type="button" className="lyftnb-Small" disabled={asking} onClick={again}>
          Look again
        </button>
      </div>
      <TroubleNote trouble={trouble} />
      {answer?.rows.length === 0 && <Empty>{empty}</Empty>}
      {answer && answer.rows.length > 0 && (
        <div className="lyftnb-StateBrowser-page">
          {inside === undefined ? (
            <RowsTable table={withMoments(answer)} label={label} />
          ) : (
            <Names table={answer} label={label} chosen={chosen} choose={setChosen} />
          )}
          {inside !== undefined && chosen !== null && (
            <Inside key={chosen} service={service} what={inside} name={chosen} />
          )}
        </div>
      )}
    </>
  );
}

interface NamesProps {
  table: Table;
  label: string;
  chosen: string | null;
  choose(name: string): void;
}

function Names({ table, label, chosen, choose }: NamesProps): JSX.Element {
  return (
    <ul className="lyftnb-List" aria-label={label}>
      {table.rows.map(([first, ...rest]) => {
        const name = String(first);
        const facts = rest.map((value, at) => ({ column: table.columns[at + 1]!, value }));
        return (
          <li key={name}>
            <button
              type="button"
              className="lyftnb-Choice"
              aria-current={name === chosen}
              onClick={() => choose(name)}
            >
              <span>{name}</span>
              <span className="lyftnb-Dim">
                {facts.map(({ column, value }, at) => (
                  <Fragment key={column.name}>
                    {at > 0 && ' · '}
                    {column.name}: {isMoment(column) && value != null ? <Moment time={String(value)} /> : String(value ?? '–')}
                  </Fragment>
                ))}
              </span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function isMoment(column: Column): boolean {
  return column.type === 'TIMESTAMP WITH TIME ZONE';
}

/** Times as a person's clock has them. These are the ledger's own; rows of spools stay as they are. */
function withMoments(table: Table): Table {
  const rows = table.rows.map(row =>
    row.map((value, at) => (value !== null && isMoment(table.columns[at]!) ? moment(String(value)) : value))
  );
  return { ...table, rows };
}

/** What one namespace, queue or context holds. */
function Inside({ service, what, name }: { service: Service; what: What; name: string }): JSX.Element {
  const [prefix, setPrefix] = useState('');
  const [offset, setOffset] = useState(0);
  const asked = useAnswer(service, 'state', { what, name, prefix, offset, limit: PAGE });
  useEffect(() => setOffset(0), [prefix]);
  const rows = useMemo(() => asked.answer && withMoments(asked.answer), [asked.answer]);
  return (
    <div>
      <div className="lyftnb-Pages">
        {what === 'keys' && (
          <input
            className="lyftnb-Input"
            type="search"
            placeholder="Keys that begin with"
            aria-label="Keys that begin with"
            value={prefix}
            onChange={event => setPrefix(event.target.value)}
          />
        )}
        <Pager offset={offset} size={PAGE} more={asked.answer?.rows.length === PAGE} go={setOffset} />
      </div>
      <TroubleNote trouble={asked.trouble} />
      {rows?.rows.length === 0 && <Empty>Nothing is there.</Empty>}
      {rows && rows.rows.length > 0 && <RowsTable table={rows} label={name} />}
    </div>
  );
}

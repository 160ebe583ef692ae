/** Columns in numbers, one a line. */
import type { JSX } from 'react';
import type { ColumnFacts } from '../protocol';
import { count } from './format';

const HEADS = ['Column', 'Type', 'Nulls', 'Distinct', 'Min', 'Mean', 'Max', 'Most frequent'];
const NUMBERS = new Set(['Nulls', 'Distinct', 'Min', 'Mean', 'Max']);
const SHOWN_VALUES = 3;

export interface FactsTableProps {
  facts: readonly ColumnFacts[];
  /** A word on a column, beside its type. */
  noteOf?: (column: ColumnFacts) => string | null;
}

export function FactsTable({ facts, noteOf }: FactsTableProps): JSX.Element {
  return (
    <table className="lyftnb-Table">
      <thead>
        <tr>
          {HEADS.map(each => (
            <th key={each} scope="col" className={NUMBERS.has(each) ? 'lyftnb-Number' : undefined}>
              {each}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {facts.map(column => (
          <Line key={column.name} column={column} note={noteOf?.(column) ?? null} />
        ))}
      </tbody>
    </table>
  );
}

function Line({ column, note }: { column: ColumnFacts; note: string | null }): JSX.Element {
  const top = column.top
    .slice(0, SHOWN_VALUES)
    .map(([value, times]) => `${String(value)} (${count(Number(times))})`)
    .join(', ');
  return (
    <tr>
      <th scope="row">{column.name}</th>
      <td className="lyftnb-Dim">
        {column.type}
        {note !== null && <em> {note}</em>}
      </td>
      <td className="lyftnb-Number">{count(column.nulls)}</td>
      <td className="lyftnb-Number">{column.distinct === null ? '' : count(column.distinct)}</td>
      <td className="lyftnb-Number">{column.min}</td>
      <td className="lyftnb-Number">{column.mean}</td>
      <td className="lyftnb-Number">{column.max}</td>
      <td>{top}</td>
    </tr>
  );
}

/** Rows of a `Table`, with the types of their columns. */
import type { JSX } from 'react';
import type { Table } from '../protocol';

export interface RowsTableProps {
  table: Table;
  /** What a screen reader calls it. */
  label: string;
  /** Rows from there on are wanted. */
  onNeed?: (offset: number) => void;
}

export function RowsTable({ table, label }: RowsTableProps): JSX.Element {
  return (
    <div className="lyftnb-Scroll" tabIndex={0} role="region" aria-label={label}>
      <table className="lyftnb-Table">
        <thead>
          <tr>
            {table.columns.map(column => (
              <th key={column.name} scope="col" title={column.type}>
                {column.name} <span className="lyftnb-Dim">{column.type}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, at) => (
            <tr key={table.offset + at}>
              {row.map((value, column) => (
                <td key={column}>
                  {value === null ? <span className="lyftnb-Dim">null</span> : textOf(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function textOf(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

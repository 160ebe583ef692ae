/** Values of a table as text: in a cell, and on the clipboard. */
import type { Column, Table } from '../protocol';

/** A rectangle of cells, both corners included; rows count from the table's first. */
export interface Area {
  top: number;
  left: number;
  bottom: number;
  right: number;
}

/** Where a person stands, and where the selection began. */
export interface Cursor {
  row: number;
  column: number;
  anchorRow: number;
  anchorColumn: number;
}

const NUMBERS = /^(u?int\d*|integer|bigint|smallint|tinyint|hugeint|float\d*|double|real|decimal.*)$/i;

export function isNumeric(column: Column): boolean {
  return NUMBERS.test(column.type);
}

export function textOf(value: unknown): string {
  if (value === null || value === undefined) {
    return 'null';
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export function areaOf(cursor: Cursor): Area {
  return {
    top: Math.min(cursor.row, cursor.anchorRow),
    bottom: Math.max(cursor.row, cursor.anchorRow),
    left: Math.min(cursor.column, cursor.anchorColumn),
    right: Math.max(cursor.column, cursor.anchorColumn)
  };
}

/** The loaded cells of an area as tab-separated values, with the names of the columns on top when
 * it is more than one cell. Tabs and line ends within a value become spaces; null is empty. */
export function toTsv(table: Table, area: Area): string {
  const columns = table.columns.slice(area.left, area.right + 1);
  const lines: string[] = [];
  for (let row = area.top; row <= area.bottom; row += 1) {
    const values = table.rows[row - table.offset];
    if (values !== undefined) {
      lines.push(columns.map((_, at) => tsvCell(values[area.left + at])).join('\t'));
    }
  }
  const single = area.top === area.bottom && area.left === area.right;
  return (single ? lines : [columns.map(column => tsvCell(column.name)).join('\t'), ...lines]).join('\n');
}

function tsvCell(value: unknown): string {
  return value === null || value === undefined ? '' : textOf(value).replace(/[\t\r\n]+/g, ' ');
}

/** Where a key leads from here; null: it is no key of a grid. `page` is how many rows are seen. */
export function moved(
  cursor: Cursor,
  event: Pick<KeyboardEvent, 'key' | 'shiftKey' | 'ctrlKey' | 'metaKey'>,
  size: { rows: number; columns: number },
  page: number
): Cursor | null {
  const far = event.ctrlKey || event.metaKey;
  let { row, column } = cursor;
  switch (event.key) {
    case 'ArrowDown':
      row = far ? size.rows - 1 : row + 1;
      break;
    case 'ArrowUp':
      row = far ? 0 : row - 1;
      break;
    case 'ArrowRight':
      column = far ? size.columns - 1 : column + 1;
      break;
    case 'ArrowLeft':
      column = far ? 0 : column - 1;
      break;
    case 'PageDown':
      row += page;
      break;
    case 'PageUp':
      row -= page;
      break;
    case 'Home':
      column = 0;
      row = far ? 0 : row;
      break;
    case 'End':
      column = size.columns - 1;
      row = far ? size.rows - 1 : row;
      break;
    default:
      return null;
  }
  row = Math.max(0, Math.min(size.rows - 1, row));
  column = Math.max(0, Math.min(size.columns - 1, column));
  return event.shiftKey ? { ...cursor, row, column } : { row, column, anchorRow: row, anchorColumn: column };
}

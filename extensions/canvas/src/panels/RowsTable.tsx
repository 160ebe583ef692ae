/** Rows of a `Table`: a grid that draws only what is seen, walks by keyboard and copies as TSV. */
import {
  type ClipboardEvent,
  type JSX,
  type KeyboardEvent,
  type PointerEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState
} from 'react';
import type { Column, Table } from '../protocol';
import { areaOf, type Cursor, isNumeric, moved, textOf, toTsv } from './cells';

const ROW_HEIGHT = 24;
const HEAD_HEIGHT = 40;
/** Rows drawn above and below what is seen, so that scrolling shows no gaps. */
const MARGIN = 12;
const SAMPLE = 60;

/** What is told of a cell beside its value: a sign, and words for it. */
export interface CellMark {
  kind: 'changed' | 'added' | 'removed';
  title: string;
}

export interface RowsTableProps {
  table: Table;
  /** What a screen reader calls it. */
  label: string;
  /** Rows from there on are wanted. */
  onNeed?: (offset: number) => void;
  /** Rows that stand out, counted from the table's first. */
  marked?: ReadonlySet<number>;
  /** What is to be told of a cell. */
  markOf?: (row: number, column: Column) => CellMark | null;
  /** Enter or a double click on a row. */
  onRow?: (row: number) => void;
  /** A person has gone to a row. */
  onCurrent?: (row: number) => void;
  /** The table goes to this row whenever it changes. */
  at?: number;
  /** Below a column's name and type. */
  headOf?: (column: Column) => ReactNode;
}

export function RowsTable(props: RowsTableProps): JSX.Element {
  const { table, label, onNeed, onRow, onCurrent, at } = props;
  const id = useId();
  const frame = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState<Cursor>({ row: 0, column: 0, anchorRow: 0, anchorColumn: 0 });
  const view = useScroll(frame);
  const count = table.total ?? table.offset + table.rows.length;
  const size = { rows: count, columns: table.columns.length };
  const first = Math.max(0, Math.floor(view.top / ROW_HEIGHT) - MARGIN);
  const last = Math.min(count, Math.ceil((view.top + view.height) / ROW_HEIGHT) + MARGIN);
  const page = Math.max(1, Math.floor((view.height - HEAD_HEIGHT) / ROW_HEIGHT) - 1);
  const template = useMemo(() => widths(table), [table]);
  useNeeded(table, first, last, onNeed);

  const stand = (to: Cursor): void => {
    setCursor(to);
    onCurrent?.(to.row);
  };
  const go = useCallback((to: Cursor) => {
    setCursor(to);
    if (frame.current !== null) {
      bringIntoView(frame.current, to);
    }
  }, []);
  useEffect(() => {
    if (at !== undefined) {
      go({ row: at, column: 0, anchorRow: at, anchorColumn: 0 });
    }
  }, [at, go]);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter' && onRow !== undefined && count > 0) {
      event.preventDefault();
      onRow(cursor.row);
      return;
    }
    if ((event.ctrlKey || event.metaKey) && event.key === 'a') {
      event.preventDefault();
      setCursor({ row: count - 1, column: size.columns - 1, anchorRow: 0, anchorColumn: 0 });
      return;
    }
    const to = count === 0 ? null : moved(cursor, event, size, page);
    if (to !== null) {
      event.preventDefault();
      go(to);
      onCurrent?.(to.row);
    }
  };
  const onCopy = (event: ClipboardEvent): void => {
    event.preventDefault();
    event.clipboardData.setData('text/plain', toTsv(table, areaOf(cursor)));
  };
  return (
    <div
      ref={frame}
      className="lyftnb-Grid"
      role="grid"
      aria-label={label}
      aria-rowcount={count + 1}
      aria-colcount={size.columns}
      aria-multiselectable="true"
      aria-activedescendant={count > 0 ? `${id}-${cursor.row}-${cursor.column}` : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onCopy={onCopy}
    >
      <Head {...props} template={template} />
      <div className="lyftnb-Grid-body" role="rowgroup" style={{ height: count * ROW_HEIGHT }}>
        {range(first, last).map(row => (
          <Row key={row} {...props} id={id} row={row} cursor={cursor} template={template} setCursor={stand} />
        ))}
      </div>
      {count === 0 && <p className="lyftnb-Grid-empty">No rows.</p>}
    </div>
  );
}

function Head({ table, headOf, template }: RowsTableProps & { template: string }): JSX.Element {
  return (
    <div role="rowgroup" className="lyftnb-Grid-head">
      <div role="row" aria-rowindex={1} className="lyftnb-Grid-row" style={{ gridTemplateColumns: template }}>
        {table.columns.map((column, at) => (
          <div
            key={column.name}
            role="columnheader"
            aria-colindex={at + 1}
            className={isNumeric(column) ? 'lyftnb-Grid-title lyftnb-mod-number' : 'lyftnb-Grid-title'}
            title={`${column.name}: ${column.type}`}
          >
            <span className="lyftnb-Grid-name">{column.name}</span>
            <span className="lyftnb-Grid-type">{column.type}</span>
            {headOf?.(column)}
          </div>
        ))}
      </div>
    </div>
  );
}

interface RowProps extends RowsTableProps {
  id: string;
  row: number;
  cursor: Cursor;
  template: string;
  setCursor: (cursor: Cursor) => void;
}

function Row(props: RowProps): JSX.Element {
  const { table, id, row, cursor, template, marked, markOf, onRow, setCursor } = props;
  const values = table.rows[row - table.offset];
  const area = areaOf(cursor);
  const within = row >= area.top && row <= area.bottom;
  const onPointerDown = (event: PointerEvent, column: number): void => {
    setCursor(event.shiftKey ? { ...cursor, row, column } : { row, column, anchorRow: row, anchorColumn: column });
  };
  return (
    <div
      role="row"
      aria-rowindex={row + 2}
      className={marked?.has(row) ? 'lyftnb-Grid-row lyftnb-mod-marked' : 'lyftnb-Grid-row'}
      style={{ gridTemplateColumns: template, top: row * ROW_HEIGHT, height: ROW_HEIGHT }}
      onDoubleClick={onRow === undefined ? undefined : () => onRow(row)}
    >
      {table.columns.map((column, at) => {
        const selected = within && at >= area.left && at <= area.right;
        const mark = values === undefined ? null : (markOf?.(row, column) ?? null);
        return (
          <div
            key={column.name}
            id={`${id}-${row}-${at}`}
            role="gridcell"
            aria-colindex={at + 1}
            aria-selected={selected}
            title={mark?.title}
            className={cellClass(column, selected, row === cursor.row && at === cursor.column, mark)}
            onPointerDown={event => onPointerDown(event, at)}
          >
            {values === undefined ? <span className="lyftnb-Grid-null">…</span> : <Value value={values[at]} />}
          </div>
        );
      })}
    </div>
  );
}

function Value({ value }: { value: unknown }): JSX.Element {
  if (value === null || value === undefined) {
    return <span className="lyftnb-Grid-null">null</span>;
  }
  return value === '' ? <span className="lyftnb-Grid-null">(empty)</span> : <>{textOf(value)}</>;
}

function cellClass(column: Column, selected: boolean, current: boolean, mark: CellMark | null): string {
  return [
    'lyftnb-Grid-cell',
    isNumeric(column) && 'lyftnb-mod-number',
    selected && 'lyftnb-mod-selected',
    current && 'lyftnb-mod-current',
    mark !== null && `lyftnb-mod-${mark.kind}`
  ]
    .filter(Boolean)
    .join(' ');
}

/** Columns as wide as their longest value, within reason; a last one of text takes what is left. */
function widths(table: Table): string {
  return table.columns
    .map((column, at) => {
      const longest = table.rows
        .slice(0, SAMPLE)
        .reduce((most, row) => Math.max(most, textOf(row[at]).length), Math.max(column.name.length, column.type.length));
      const width = `${Math.min(longest, 48) + 3}ch`;
      return at === table.columns.length - 1 && !isNumeric(column) ? `minmax(${width}, 1fr)` : width;
    })
    .join(' ');
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at);
}

function bringIntoView(frame: HTMLElement, { row, column }: Cursor): void {
  const top = row * ROW_HEIGHT;
  const seen = frame.clientHeight - HEAD_HEIGHT;
  if (top < frame.scrollTop) {
    frame.scrollTop = top;
  } else if (top + ROW_HEIGHT > frame.scrollTop + seen) {
    frame.scrollTop = top + ROW_HEIGHT - seen;
  }
  const title = frame.querySelectorAll<HTMLElement>('[role=columnheader]')[column];
  if (title !== undefined) {
    if (title.offsetLeft < frame.scrollLeft) {
      frame.scrollLeft = title.offsetLeft;
    } else if (title.offsetLeft + title.offsetWidth > frame.scrollLeft + frame.clientWidth) {
      frame.scrollLeft = title.offsetLeft + title.offsetWidth - frame.clientWidth;
    }
  }
}

/** How far an element is scrolled, and how high it is. */
function useScroll(ref: { current: HTMLElement | null }): { top: number; height: number } {
  const [view, setView] = useState({ top: 0, height: 400 });
  useEffect(() => {
    const element = ref.current;
    if (element === null) {
      return;
    }
    const look = (): void => setView({ top: element.scrollTop, height: element.clientHeight || 400 });
    look();
    element.addEventListener('scroll', look, { passive: true });
    const resized = new ResizeObserver(look);
    resized.observe(element);
    return () => {
      element.removeEventListener('scroll', look);
      resized.disconnect();
    };
  }, [ref]);
  return view;
}

/** Ask for what is seen and not there; once per place, however often it is drawn. */
function useNeeded(table: Table, first: number, last: number, onNeed?: (offset: number) => void): void {
  const end = table.offset + table.rows.length;
  const missing = first < table.offset ? first : last > end ? Math.max(first, end) : null;
  const asked = useRef<number | null>(null);
  useEffect(() => {
    if (missing === null) {
      asked.current = null;
    } else if (onNeed !== undefined && asked.current !== missing) {
      asked.current = missing;
      onNeed(missing);
    }
  }, [missing, onNeed]);
}

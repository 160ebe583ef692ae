/** Small signs for kinds of steps and for buttons. What they say is always said in words, too. */
import type { JSX } from 'react';

const PATHS: Record<string, string> = {
  add: 'M12 5v14M5 12h14',
  align: 'M4 4v16M8 7h12M8 12h7M8 17h10',
  block: 'M4 7l8-4 8 4v10l-8 4-8-4zM4 7l8 4 8-4M12 11v10',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.5 2',
  close: 'M6 6l12 12M18 6L6 18',
  code: 'M8 7l-5 5 5 5M16 7l5 5-5 5M13.5 5l-3 14',
  database: 'M4 6c0-4 16-4 16 0s-16 4-16 0v12c0 4 16 4 16 0V6M4 12c0 4 16 4 16 0',
  copy: 'M8 8h12v12H8zM16 8V4H4v12h4',
  dice: 'M5 5h14v14H5zM9 9h.01M15 9h.01M12 12h.01M9 15h.01M15 15h.01',
  down: 'M12 5v14M6 13l6 6 6-6',
  error: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v6M12 16.5h.01',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  filter: 'M4 5h16l-6 8v6l-4-2v-4z',
  fit: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  function: 'M9 20c3 0 3-3 3.5-8S13 4 17 4M8 11h8',
  gear: 'M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.1 2.1M16.3 16.3l2.1 2.1M18.4 5.6l-2.1 2.1M7.7 16.3l-2.1 2.1',
  help: 'M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.5h.01',
  input: 'M13 5h6v14h-6M4 12h10M10 8l4 4-4 4',
  key: 'M8 10a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM11 11l8-7M16 7l3 3',
  layout: 'M3 9h6v6H3zM15 4h6v6h-6zM15 14h6v6h-6zM9 12h3M12 7v10M12 7h3M12 17h3',
  link: 'M5 12h11M12 8l4 4-4 4M20 5v14',
  live: 'M3 12h4l3-7 4 14 3-7h4',
  merge: 'M5 5c0 7 5 7 9 7M5 19c0-7 5-7 9-7h6M17 9l3 3-3 3',
  message: 'M4 6h16v12H4zM4 7l8 6 8-6',
  minus: 'M5 12h14',
  notebook: 'M6 3h12v18H6zM9 3v18M12 8h3M12 12h3',
  outline: 'M4 5h4M8 12h4M8 19h4M6 5v14M6 12h2M6 19h2M14 5h6M15 12h5M15 19h5',
  output: 'M11 5H5v14h6M10 12h10M16 8l4 4-4 4',
  pause: 'M8 5v14M16 5v14',
  plan: 'M5 4h14v16H5zM8 9h2M8 14h2M12 9h4M12 14h4',
  play: 'M8 5l11 7-11 7z',
  properties: 'M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4',
  queue: 'M4 6h16M4 10h16M4 14h16M4 18h10',
  redo: 'M19 9H9a5 5 0 0 0 0 10h4M15 5l4 4-4 4',
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20',
  sort: 'M7 5v14M4 16l3 3 3-3M13 7h7M13 12h5M13 17h3',
  split: 'M4 12h5M9 12c4 0 3-6 7-6h4M9 12c4 0 3 6 7 6h4M18 4l2 2-2 2M18 16l2 2-2 2',
  spool: 'M4 6c0-3 16-3 16 0s-16 3-16 0v12c0 3 16 3 16 0V6',
  step: 'M5 7h14v10H5z',
  sum: 'M18 5H6l6 7-6 7h12',
  table: 'M4 5h16v14H4zM4 10h16M4 14.5h16M10 5v14',
  terminal: 'M4 5h16v14H4zM7 9l3 3-3 3M12 15h5',
  text: 'M5 6h14M5 10h10M5 14h14M5 18h8',
  trash: 'M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13',
  type: 'M5 6h14M12 6v13M9 19h6',
  up: 'M12 19V5M6 11l6-6 6 6',
  undo: 'M5 9h10a5 5 0 0 1 0 10h-4M9 5L5 9l4 4',
  unique: 'M9 6a5 5 0 1 0 0 10M15 8a5 5 0 1 1 0 10 5 5 0 0 1 0-10',
  warning: 'M12 4l9 16H3zM12 10v5M12 17.5h.01'
};

const KINDS: Record<string, string> = {
  aggregate: 'sum', assert: 'check', cast: 'type', csv: 'file', dedupe: 'unique', derive: 'function',
  discard: 'trash', duckdb: 'database', files: 'file', generate: 'dice', inline: 'table', join: 'merge',
  kv: 'key', lookup: 'search', messages: 'message', ndjson: 'file', parquet: 'file', print: 'terminal',
  python: 'code', sql: 'database', window: 'clock'
};

/** A sign by its word, or by the kind of a step; kinds that are not known get a gear. */
export function Icon({ name, size = 16 }: { name: string; size?: number }): JSX.Element {
  const path = PATHS[name] ?? PATHS[KINDS[name] ?? 'gear'];
  return (
    <svg className="lyftnb-Icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={path} />
    </svg>
  );
}

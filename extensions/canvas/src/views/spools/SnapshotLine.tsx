/** The snapshots of a spool on a line: how many rows it held after each, and which one is shown. */
import { useId, type JSX } from 'react';
import type { SnapshotInfo } from '../../protocol';
import { count, many, moment } from '../format';

const WIDTH = 1000;
const HEIGHT = 48;
/** A few snapshots are bars, not walls. */
const WIDEST = 30;

export interface SnapshotLineProps {
  /** Oldest first. */
  snapshots: readonly SnapshotInfo[];
  /** Null: the newest. */
  at: number | null;
  choose(at: number | null): void;
}

export function SnapshotLine({ snapshots, at, choose }: SnapshotLineProps): JSX.Element | null {
  const id = useId();
  const last = snapshots.length - 1;
  const found = snapshots.findIndex(each => each.snapshot === at);
  const chosen = at === null || found < 0 ? last : found;
  const shown = snapshots[chosen];
  if (shown === undefined) {
    return null;
  }
  const go = (to: number): void =>
    choose(to >= last ? null : (snapshots[Math.max(to, 0)]?.snapshot ?? null));
  const words =
    `snapshot ${shown.snapshot} of ${moment(shown.committed_at)}: ` +
    `${shown.rows < 0 ? '−' : '+'}${many(Math.abs(shown.rows), 'row')} (${shown.kind}), ` +
    `${count(shown.total)} in all`;
  return (
    <div className="lyftnb-SnapshotLine">
      <div className="lyftnb-SnapshotLine-controls">
        <button
          type="button"
          className="lyftnb-Small"
          aria-label="The snapshot before"
          disabled={chosen === 0}
          onClick={() => go(chosen - 1)}
        >
          ◀
        </button>
        <div className="lyftnb-SnapshotLine-scale">
          <Picture snapshots={snapshots} chosen={chosen} />
          <input
            id={id}
            type="range"
            min={0}
            max={last}
            value={chosen}
            disabled={last === 0}
            aria-label="Snapshot"
            aria-valuetext={words}
            onChange={event => go(Number(event.target.value))}
          />
        </div>
        <button
          type="button"
          className="lyftnb-Small"
          aria-label="The next snapshot"
          disabled={chosen === last}
          onClick={() => go(chosen + 1)}
        >
          ▶
        </button>
        <button
          type="button"
          className="lyftnb-Small"
          aria-pressed={at === null}
          title="Show the newest, and go on with what comes"
          onClick={() => choose(null)}
        >
          Newest
        </button>
      </div>
      <p aria-live="polite">
        {at === null ? 'Now: ' : 'As of '}
        {words}
        {shown.batch && <span className="lyftnb-Dim"> · batch {shown.batch}</span>}
      </p>
    </div>
  );
}

function Picture({ snapshots, chosen }: { snapshots: readonly SnapshotInfo[]; chosen: number }): JSX.Element {
  const top = Math.max(...snapshots.map(each => each.total), 1);
  // Each over the place where the slider's handle stands for it.
  const step = WIDTH / Math.max(snapshots.length - 1, 1);
  const width = Math.max(Math.min(step * 0.8, WIDEST), 0.5);
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" height={HEIGHT} aria-hidden="true">
      {snapshots.map(({ snapshot, total }, at) => {
        const height = Math.max((total / top) * HEIGHT, 1);
        return (
          <rect
            key={snapshot}
            data-chosen={at === chosen}
            x={at * step - width / 2}
            y={HEIGHT - height}
            width={width}
            height={height}
          />
        );
      })}
    </svg>
  );
}

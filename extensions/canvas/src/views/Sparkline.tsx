/** How a number went lately: a line without axes, its newest value in words beside it. */
import type { JSX } from 'react';

const WIDTH = 96;
const HEIGHT = 20;

export function Sparkline({ values, label }: { values: readonly number[]; label: string }): JSX.Element {
  const top = Math.max(...values, 1);
  const step = values.length > 1 ? WIDTH / (values.length - 1) : 0;
  const points = values
    .map((value, at) => `${(at * step).toFixed(1)},${(HEIGHT - 1 - (value / top) * (HEIGHT - 2)).toFixed(1)}`)
    .join(' ');
  return (
    <svg
      className="lyftnb-Sparkline"
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={label}
    >
      {values.length > 1 && (
        <>
          <polygon points={`0,${HEIGHT} ${points} ${WIDTH},${HEIGHT}`} />
          <polyline points={points} />
        </>
      )}
    </svg>
  );
}

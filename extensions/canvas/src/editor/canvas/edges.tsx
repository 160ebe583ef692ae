/** Channels and messages as the canvas draws them: told apart by line, not by colour alone. */
import { getBezierPath, type EdgeProps } from '@xyflow/react';
import { memo, type JSX } from 'react';
import { compact } from '../format';
import { useReading } from '../live';
import { useSession } from '../store';
import { useFar } from './far';
import type { ChannelEdge } from './flow';

export const ChannelLine = memo(function ChannelLine(props: EdgeProps<ChannelEdge>): JSX.Element {
  return useFar() ? <FarLine {...props} /> : <NearLine {...props} />;
});

function NearLine(props: EdgeProps<ChannelEdge>): JSX.Element {
  const { data, selected, id } = props;
  const { live } = useSession();
  const reading = useReading(live, id);
  const [path, x, y] = pathOf(props);
  const edge = data?.edge;
  const numbers = reading?.text || (data?.rows == null ? '' : `${compact(data.rows)} rows`);
  return (
    <g className={classesOf(props, reading?.moving ?? false)}>
      <path className="lyftnb-Edge-line" d={path} markerEnd={`url(#lyftnb-arrow-${selected ? 'strong' : 'plain'})`} fill="none" />
      {edge?.kind === 'spool' && <path className="lyftnb-Edge-core" d={path} fill="none" />}
      <path className="react-flow__edge-interaction" d={path} fill="none" strokeOpacity={0} strokeWidth={18} />
      <text x={x} y={y} className={`lyftnb-Edge-text${reading?.alarming ? ' lyftnb-mod-alarming' : ''}`}>
        {edge?.label && (
          <tspan x={x} dy={numbers ? '-0.6em' : '-0.5em'}>
            {edge.kind === 'message' ? `✉ ${edge.label}` : edge.label}
          </tspan>
        )}
        {numbers && (
          <tspan x={x} dy={edge?.label ? '1.65em' : '-0.5em'} className="lyftnb-Edge-numbers">
            {numbers}
          </tspan>
        )}
      </text>
    </g>
  );
}

/** From afar: no words, no arrow heads, nothing that is drawn anew for each number. */
function FarLine(props: EdgeProps<ChannelEdge>): JSX.Element {
  const { live } = useSession();
  const moving = useReading(live, props.id, reading => reading?.moving ?? false);
  const [path] = pathOf(props);
  return (
    <g className={`${classesOf(props, moving)} lyftnb-mod-far`}>
      <path className="lyftnb-Edge-line" d={path} fill="none" />
    </g>
  );
}

/** The path, and the middle of it, where words stand. It leads level into each of its bends. */
function pathOf(props: EdgeProps<ChannelEdge>): [path: string, x: number, y: number] {
  const { data, sourceX, sourceY, targetX, targetY } = props;
  const bends = data?.edge.kind === 'message' ? [] : (data?.bends ?? []);
  if (bends.length === 0) {
    const [path, x, y] = getBezierPath({ ...props, curvature: 0.3 });
    return [path, x, y];
  }
  let last = { x: sourceX, y: sourceY };
  const curves = [...bends, { x: targetX, y: targetY }].map(point => {
    const half = (last.x + point.x) / 2;
    const curve = `C${half} ${last.y} ${half} ${point.y} ${point.x} ${point.y}`;
    last = point;
    return curve;
  });
  const middle = Math.floor(bends.length / 4) * 2;
  const [before, after] = [bends[middle] ?? last, bends[middle + 1] ?? last];
  return [`M${sourceX} ${sourceY}${curves.join('')}`, (before.x + after.x) / 2, before.y];
}

function classesOf({ data, selected }: EdgeProps<ChannelEdge>, moving: boolean): string {
  const kind = data?.edge.kind ?? 'worker';
  return ['lyftnb-Edge', `lyftnb-mod-${kind}`, selected ? 'lyftnb-mod-selected' : '', moving ? 'lyftnb-mod-moving' : '']
    .filter(Boolean)
    .join(' ');
}

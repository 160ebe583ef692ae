/** Channels and messages as the canvas draws them: told apart by line, not by colour alone. */
import { getBezierPath, type EdgeProps } from '@xyflow/react';
import { memo, type JSX } from 'react';
import { compact } from '../format';
import { useReading } from '../live';
import { useSession } from '../store';
import type { ChannelEdge } from './flow';

export const ChannelLine = memo(function ChannelLine(props: EdgeProps<ChannelEdge>): JSX.Element {
  const { data, selected, id } = props;
  const { live } = useSession();
  const reading = useReading(live, id);
  const [path, x, y] = getBezierPath({ ...props, curvature: 0.3 });
  const edge = data?.edge;
  const classes = ['lyftnb-Edge', `lyftnb-mod-${edge?.kind ?? 'worker'}`, selected ? 'lyftnb-mod-selected' : '', reading?.moving ? 'lyftnb-mod-moving' : ''];
  const numbers = reading?.text || (data?.rows == null ? '' : `${compact(data.rows)} rows`);
  return (
    <g className={classes.filter(Boolean).join(' ')}>
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
          <tspan x={x} dy={edge?.label ? '1.25em' : '-0.5em'} className="lyftnb-Edge-numbers">
            {numbers}
          </tspan>
        )}
      </text>
    </g>
  );
});

/** The counts that a trace gives nodes and edges. */
import { stepId } from '../../graph/graph';
import type { Overlay } from '../model';

/** Events of a sample that a step took and gave. */
export interface Counts {
  into: number;
  out: number;
  rejects: number;
  error: string | null;
  stale: boolean;
}

export interface Traced {
  nodes: ReadonlyMap<string, Counts>;
  channels: ReadonlyMap<string, number>;
}

const NOTHING: Traced = { nodes: new Map(), channels: new Map() };

export function tracedIn(overlay: Overlay): Traced {
  if (overlay.kind !== 'trace') {
    return NOTHING;
  }
  const nodes = new Map<string, Counts>();
  const channels = new Map<string, number>();
  for (const point of overlay.trace.points) {
    const id = stepId(point.step);
    const before = nodes.get(id) ?? { into: point.rows, out: 0, rejects: 0, error: null, stale: overlay.stale };
    nodes.set(id, {
      ...before,
      out: point.channel === null ? point.rows : before.out,
      rejects: before.rejects + point.rejects,
      error: before.error ?? point.error
    });
    if (point.channel !== null) {
      channels.set(point.channel, point.rows);
    }
  }
  return { nodes, channels };
}

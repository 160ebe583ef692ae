/** The row that is followed through the graph, also when the draft is traced again. */
import { useCallback, useState } from 'react';
import type { Followed, FollowRow, Sighting, Trouble } from '../protocol';
import type { Service } from '../service';
import { useAnswer } from '../views/asking';
import { samePlace } from './tracing';

export type RowOfPlace = Omit<FollowRow, 'trace'>;

export interface Following {
  /** Null: none is followed. */
  row: RowOfPlace | null;
  answer: Followed | null;
  trouble: Trouble | null;
  sightings: readonly Sighting[];
  follow: (row: RowOfPlace | null) => void;
}

const NOWHERE: readonly Sighting[] = [];

export function useFollowing(service: Service, trace: string): Following {
  const [row, follow] = useState<RowOfPlace | null>(null);
  const { answer, trouble } = useAnswer(service, 'trace.follow', row === null ? null : { ...row, trace });
  return {
    row,
    answer,
    trouble,
    sightings: trouble === null ? (answer?.sightings ?? NOWHERE) : NOWHERE,
    follow: useCallback((to: RowOfPlace | null) => follow(to), [])
  };
}

/** The rows of a place that are the followed one: to be marked. */
export function sightedAt(
  sightings: readonly Sighting[],
  place: { step: string; at: string },
  rejects: boolean
): ReadonlySet<number> {
  const sighting = sightings.find(each => samePlace(each, place));
  return new Set(rejects ? sighting?.rejected : sighting?.rows);
}

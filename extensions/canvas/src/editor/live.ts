/** Numbers of a deployment at work, for nodes and edges to listen to one by one: a new number draws
 * one label anew, not the graph. */
import { useCallback, useSyncExternalStore } from 'react';
import { compact } from './format';
import type { Graph } from '../graph/graph';
import type { Numbers, Shape, StageProgress } from '../protocol';

export type Sign = Numbers['signs'][string];

/** What a node or an edge shows. Values are compared by what they say. */
export interface Reading {
  /** How a step stands. */
  sign: Sign | null;
  /** In a few words: rows a second, lag, rejects. */
  text: string;
  /** Whether rows move right now. */
  moving: boolean;
  /** Whether it needs a look: rejects, a lag that is old. */
  alarming: boolean;
}

export class Live {
  private readonly readings = new Map<string, Reading>();
  private readonly listeners = new Map<string, Set<() => void>>();

  read(key: string): Reading | null {
    return this.readings.get(key) ?? null;
  }

  subscribe(key: string, listener: () => void): () => void {
    const all = this.listeners.get(key) ?? new Set();
    this.listeners.set(key, all.add(listener));
    return () => all.delete(listener);
  }

  /** Take new numbers; null: there are none any more. */
  update(graph: Graph, shape: Shape | null, numbers: Numbers | null): void {
    const fresh = numbers === null ? new Map<string, Reading>() : readingsOf(graph, shape, numbers);
    for (const key of new Set([...this.readings.keys(), ...fresh.keys()])) {
      const before = this.readings.get(key);
      const now = fresh.get(key);
      if (before !== undefined && now !== undefined && sameReading(before, now)) {
        continue;
      }
      if (now === undefined) {
        this.readings.delete(key);
      } else {
        this.readings.set(key, now);
      }
      this.listeners.get(key)?.forEach(listener => listener());
    }
  }
}

/** What a node or an edge shows; or a part of it, which is all that is drawn anew for. */
export function useReading<T = Reading | null>(live: Live, key: string, pick?: (reading: Reading | null) => T): T {
  const subscribe = useCallback((listener: () => void) => live.subscribe(key, listener), [live, key]);
  return useSyncExternalStore(subscribe, () => (pick === undefined ? (live.read(key) as T) : pick(live.read(key))));
}

function readingsOf(graph: Graph, shape: Shape | null, numbers: Numbers): Map<string, Reading> {
  const stages = new Map(numbers.progress.stages.map(stage => [stage.stage, stage]));
  const stageOf = new Map(
    (shape?.stages ?? []).flatMap(stage => stage.steps.map(step => [step, stages.get(stage.id)] as const))
  );
  const lags = new Map(numbers.lags.map(lag => [`${lag.channel} ${lag.step}`, lag]));
  const readings = new Map<string, Reading>();
  for (const node of graph.nodes) {
    const stage = stageOf.get(node.name);
    if (node.kind === 'step') {
      readings.set(node.id, stepReading(node.name, numbers.signs[node.name] ?? null, stage));
    }
  }
  for (const edge of graph.edges.filter(({ kind }) => kind !== 'message')) {
    const lag = lags.get(`${edge.name} ${edge.head.split(':')[1] ?? ''}`);
    const stage = stageOf.get(edge.tail.split(':')[1] ?? '') ?? stageOf.get(edge.head.split(':')[1] ?? '');
    readings.set(edge.id, lag === undefined ? edgeReading(stage) : lagReading(lag, stage));
  }
  return readings;
}

/** Rows between steps that run as one query are not counted: a step shows what is known of itself. */
function stepReading(step: string, sign: Sign | null, stage: StageProgress | undefined): Reading {
  const own = stage?.counts.find(each => each.step === step);
  const rejects = own?.rejects ?? 0;
  const rate = stage?.stage === step ? stage.rows_per_s : 0;
  const out = own?.rows_out ?? 0;
  const texts = [
    rate > 0 ? `${compact(rate)} rows/s` : '',
    out > 0 ? `${compact(out)} out` : '',
    rejects > 0 ? `${compact(rejects)} rejected` : ''
  ];
  return {
    sign: sign ?? stage?.state ?? null,
    text: texts.filter(Boolean).join(' · '),
    moving: stage?.state === 'running',
    alarming: rejects > 0 || stage?.state === 'blocked'
  };
}

function edgeReading(stage: StageProgress | undefined): Reading {
  const rate = stage?.rows_per_s ?? 0;
  return {
    sign: null,
    text: rate > 0 ? `${compact(rate)}/s` : '',
    moving: stage?.state === 'running' && rate > 0,
    alarming: false
  };
}

function lagReading(lag: Numbers['lags'][number], stage: StageProgress | undefined): Reading {
  const rows = lag.rows ?? 0;
  const age = lag.age_s ?? 0;
  return {
    sign: null,
    text: rows === 0 ? 'no lag' : `lag ${compact(rows)}${age >= 1 ? ` · ${seconds(age)}` : ''}`,
    moving: stage?.state === 'running' && rows > 0,
    alarming: rows > 0 && age > 60
  };
}

function seconds(value: number): string {
  return value < 120 ? `${Math.round(value)} s` : value < 7200 ? `${Math.round(value / 60)} min` : `${Math.round(value / 3600)} h`;
}

function sameReading(one: Reading, other: Reading): boolean {
  return (
    one.sign === other.sign &&
    one.text === other.text &&
    one.moving === other.moving &&
    one.alarming === other.alarming
  );
}

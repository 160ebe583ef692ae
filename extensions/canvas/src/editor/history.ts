/** What was done and can be undone: one gesture, one step. */
import type { Op } from '../protocol';

export interface Step {
  label: string;
  ops: readonly Op[];
  inverse: readonly Op[];
  merge: string | null;
  /** Milliseconds. */
  at: number;
}

export interface History {
  readonly done: readonly Step[];
  readonly undone: readonly Step[];
}

export const EMPTY: History = { done: [], undone: [] };
const JOIN_MS = 1_000;
const LIMIT = 500;

/** Steps of one `merge` key within a second become one. */
export function recorded(history: History, step: Step): History {
  const last = history.done.at(-1);
  if (last !== undefined && step.merge !== null && last.merge === step.merge && step.at - last.at < JOIN_MS) {
    const joined = { ...step, ops: [...last.ops, ...step.ops], inverse: [...step.inverse, ...last.inverse] };
    return { done: [...history.done.slice(0, -1), joined], undone: [] };
  }
  return { done: [...history.done.slice(-LIMIT + 1), step], undone: [] };
}

export function undone(history: History): { step: Step; history: History } | null {
  const step = history.done.at(-1);
  return step === undefined
    ? null
    : { step, history: { done: history.done.slice(0, -1), undone: [...history.undone, step] } };
}

/** A step that is done again joins no other. */
export function redone(history: History): { step: Step; history: History } | null {
  const step = history.undone.at(-1);
  return step === undefined
    ? null
    : {
        step,
        history: { done: [...history.done, { ...step, merge: null }], undone: history.undone.slice(0, -1) }
      };
}

/** Worker groups and replicas of steps, apart from what the document says. */
import type { Document } from '../../editor/model';
import type { Settings } from '../../protocol';
import type { Choice } from './way';

export interface StepPlace {
  step: string;
  /** What holds without a choice here: what was applied before, else what the document says. */
  group: string;
  /** Null: as many as the group has slots. */
  replicas: number | string | null;
}

export function placesOf(document: Document | null, applied: Settings | null): StepPlace[] {
  const steps = (document?.['steps'] ?? {}) as Record<string, { group?: unknown; replicas?: unknown } | null>;
  return Object.entries(steps).map(([step, body]) => {
    const replicas = applied?.replicas?.[step] ?? body?.replicas;
    return {
      step,
      group: applied?.groups?.[step] ?? (typeof body?.group === 'string' ? body.group : 'default'),
      replicas: typeof replicas === 'number' || typeof replicas === 'string' ? replicas : null
    };
  });
}

/** The choice with another group for a step; empty: without one. */
export function withGroup(choice: Choice, step: string, group: string): Partial<Choice> {
  return { groups: withEntry(choice.groups, step, group || null) };
}

/** The choice with other replicas for a step; what is no whole number from 1 on: without them. */
export function withReplicas(choice: Choice, step: string, text: string): Partial<Choice> {
  const replicas = Number(text);
  const whole = text.trim() !== '' && Number.isInteger(replicas) && replicas >= 1;
  return { replicas: withEntry(choice.replicas, step, whole ? replicas : null) };
}

/** Keys in order, so that the same choice is always written the same. */
function withEntry<T>(entries: Readonly<Record<string, T>>, key: string, value: T | null): Record<string, T> {
  const others = Object.entries(entries).filter(([each]) => each !== key);
  const all: [string, T][] = value === null ? others : [...others, [key, value]];
  return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
}

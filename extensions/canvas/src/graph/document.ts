/** Reading a workflow's document, whatever state a draft is in: what does not fit is passed over. */
import type { Document } from '../editor/model';
import type { Op } from '../protocol';

export type Path = Op['path'];
export type Mapping = Record<string, unknown>;

/** What names of steps, channels and ports must look like. */
export const NAME = /^[a-z][a-z0-9_]*$/;

/** One input of a step from a channel; `path` leads from the step to the channel's name. */
export interface Reading {
  name: string;
  channel: string;
  table: boolean;
  path: Path;
}

/** One output of a step; `path` leads from the step to the channel's name. */
export interface Port {
  name: string;
  channel: string;
  path: Path;
}

/** The value as a mapping; an empty one, if it is none. */
export function mapping(value: unknown): Mapping {
  return isMapping(value) ? value : {};
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The one key of a body that is written `{kind: parameters}`, beside what any body may have. */
export function kindOf(body: unknown): string {
  const own = new Set(['id', 'description', 'on_error']);
  return Object.keys(mapping(body)).find(key => !own.has(key)) ?? '';
}

export function stepsOf(document: Document): Record<string, Mapping> {
  return Object.fromEntries(
    Object.entries(mapping(document.steps)).map(([name, step]) => [name, mapping(step)])
  );
}

export function channelsOf(document: Document): Record<string, Mapping> {
  return Object.fromEntries(
    Object.entries(mapping(document.channels)).map(([name, spec]) => [name, mapping(spec)])
  );
}

export function readingsOf(step: Mapping): Reading[] {
  const { in: given } = step;
  if (typeof given === 'string') {
    return [{ name: given, channel: given, table: false, path: ['in'] }];
  }
  if (Array.isArray(given)) {
    return given.flatMap((channel, index) =>
      typeof channel === 'string'
        ? [{ name: channel, channel, table: false, path: ['in', index] }]
        : []
    );
  }
  return Object.entries(mapping(given)).flatMap(([name, ref]) => {
    if (typeof ref === 'string') {
      return [{ name, channel: ref, table: false, path: ['in', name] }];
    }
    const { channel, as } = mapping(ref);
    return typeof channel === 'string'
      ? [{ name, channel, table: as === 'table', path: ['in', name, 'channel'] }]
      : [];
  });
}

/** Whether the step's body tells its inputs apart. */
export function namesInputs(step: Mapping): boolean {
  return isMapping(step.in);
}

export function portsOf(step: Mapping): Port[] {
  const { out } = step;
  if (typeof out === 'string') {
    return [{ name: 'out', channel: out, path: ['out'] }];
  }
  return Object.entries(mapping(out)).flatMap(([name, channel]) =>
    typeof channel === 'string' ? [{ name, channel, path: ['out', name] }] : []
  );
}

export function triggersOf(step: Mapping): readonly unknown[] {
  const { trigger } = step;
  return trigger === undefined || trigger === null ? [] : Array.isArray(trigger) ? trigger : [trigger];
}

/** The tag that a trigger waits for, if it waits for a message. */
export function awaitedTag(trigger: unknown): string {
  return text(mapping(mapping(trigger).message).tag);
}

/** Who writes each channel, rejects included: channel → step and port. */
export function writersOf(document: Document): Map<string, { step: string; port: string }> {
  const steps = stepsOf(document);
  const writers = new Map<string, { step: string; port: string }>();
  for (const [step, body] of Object.entries(steps)) {
    for (const { name, channel } of portsOf(body)) {
      writers.set(channel, { step, port: name });
    }
  }
  for (const step of Object.keys(steps)) {
    const rejects = rejectsOf(step);
    if (!writers.has(rejects)) {
      writers.set(rejects, { step, port: 'rejects' });
    }
  }
  return writers;
}

/** The spool that a step's rejected rows go to. */
export function rejectsOf(step: string): string {
  return `${step}_rejects`;
}

/** Names of channels that are declared, written or read. */
export function channelNames(document: Document): Set<string> {
  const steps = Object.values(stepsOf(document));
  return new Set([
    ...Object.keys(channelsOf(document)),
    ...steps.flatMap(step => portsOf(step).map(port => port.channel)),
    ...steps.flatMap(step => readingsOf(step).map(reading => reading.channel))
  ]);
}

/** `base`, or with the first number behind it that makes a name of its own. */
export function freshName(base: string, taken: Iterable<string>): string {
  const known = new Set(taken);
  const plain = base.toLowerCase().replace(/[^a-z0-9_]+/g, '_').replace(/^[^a-z]+/, '') || 'step';
  if (!known.has(plain)) {
    return plain;
  }
  const stem = plain.replace(/_\d+$/, '');
  for (let number = 2; ; number += 1) {
    if (!known.has(`${stem}_${number}`)) {
      return `${stem}_${number}`;
    }
  }
}

export function same(one: unknown, other: unknown): boolean {
  if (one === other) {
    return true;
  }
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, index) => same(item, other[index]));
  }
  if (!isMapping(one) || !isMapping(other)) {
    return false;
  }
  const keys = Object.keys(one);
  const others = Object.keys(other);
  return (
    keys.length === others.length &&
    keys.every((key, index) => key === others[index] && same(one[key], other[key]))
  );
}

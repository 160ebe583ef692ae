/** A document as a graph: steps and spools are nodes, channels and messages edges.
 *
 * It reads as `lyftnb/workspace/drawing.py` does: a draft shows what its author declared; once its
 * plan is known, the transports and the stages are those that will run. */
import type { Document, Part } from '../editor/model';
import type { ChannelShape, Shape } from '../protocol';
import {
  awaitedTag,
  channelNames,
  channelsOf,
  kindOf,
  list,
  mapping,
  namesInputs,
  portsOf,
  readingsOf,
  rejectsOf,
  stepsOf,
  text,
  triggersOf,
  writersOf,
  type Mapping,
  type Port
} from './document';
import { foreseenStages } from './foreseen';

export interface StepNode {
  kind: 'step';
  id: string;
  name: string;
  description: string;
  /** What it does: `files → filter, derive → parquet`. */
  summary: string;
  /** A word for its icon. */
  icon: string;
  group: string;
  replicas: number;
  paused: boolean;
  /** Whether it brings events in from outside, and so takes none from channels. */
  outside: boolean;
  /** Its triggers, in words. */
  trigger: string;
  frame: string;
  ports: readonly Port[];
  /** Whether somebody reads its rejects. */
  rejects: boolean;
  dispatch: string;
  /** Names of inputs that the body tells apart. */
  inputs: readonly string[];
}

export interface SpoolNode {
  kind: 'spool';
  id: string;
  name: string;
  description: string;
  /** How it is kept. */
  summary: string;
  written: boolean;
}

export type Node = StepNode | SpoolNode;
export type EdgeKind = 'worker' | 'spool' | 'table' | 'message';

export interface Edge {
  id: string;
  kind: EdgeKind;
  tail: string;
  head: string;
  /** The tail's port; of messages and spools none. */
  port: string | null;
  /** The head's input, where it has a name. */
  input: string | null;
  label: string;
  /** The channel, or the tag. */
  name: string;
  part: Part;
}

export interface Region {
  id: string;
  /** Empty where no plan has named it yet: it is laid out, and not drawn. */
  title: string;
  kind: 'stage' | 'group';
  nodes: readonly string[];
}

export interface Graph {
  nodes: readonly Node[];
  edges: readonly Edge[];
  regions: readonly Region[];
}

export const stepId = (name: string): string => `step:${name}`;
export const spoolId = (name: string): string => `spool:${name}`;
export const DEFAULT_GROUP = 'default';

/** The part that a node stands for. */
export function partOf(node: Pick<Node, 'kind' | 'name'>): Part {
  return node.kind === 'step' ? { kind: 'step', name: node.name } : { kind: 'channel', name: node.name };
}

export function graphOf(document: Document, shape: Shape | null): Graph {
  const reader = new Reader(document, shape);
  const nodes = [...reader.steps(), ...reader.spools()];
  return { nodes, edges: [...reader.channelEdges(), ...reader.messageEdges()], regions: reader.regions() };
}

class Reader {
  private readonly bodies: Record<string, Mapping>;
  private readonly declared: Record<string, Mapping>;
  private readonly writers: Map<string, { step: string; port: string }>;
  private readonly readers = new Map<string, { step: string; name: string | null; table: boolean }[]>();
  private readonly planned: Map<string, ChannelShape>;
  private readonly channels: readonly string[];

  constructor(
    private readonly document: Document,
    private readonly shape: Shape | null
  ) {
    this.bodies = stepsOf(document);
    this.declared = channelsOf(document);
    this.writers = writersOf(document);
    this.planned = new Map(shape?.channels.map(channel => [channel.name, channel]));
    this.channels = [...channelNames(document)];
    for (const [step, body] of Object.entries(this.bodies)) {
      const named = namesInputs(body);
      for (const { name, channel, table } of readingsOf(body)) {
        const others = this.readers.get(channel) ?? [];
        this.readers.set(channel, [...others, { step, name: named ? name : null, table }]);
      }
    }
  }

  steps(): StepNode[] {
    return Object.entries(this.bodies).map(([name, body]) => ({
      kind: 'step',
      id: stepId(name),
      name,
      description: text(body.description),
      summary: summaryOf(body),
      icon: iconOf(body),
      group: text(body.group) || this.shape?.groups[name] || DEFAULT_GROUP,
      replicas: typeof body.replicas === 'number' ? body.replicas : 1,
      paused: body.paused === true,
      outside: body.input !== undefined,
      trigger: triggersOf(body).map(triggerInWords).join(', '),
      frame: text(body.frame),
      ports: portsOf(body),
      rejects: this.readers.has(rejectsOf(name)),
      dispatch: dispatchInWords(body.dispatch),
      inputs: namesInputs(body) ? readingsOf(body).map(reading => reading.name) : []
    }));
  }

  spools(): SpoolNode[] {
    return this.channels
      .filter(name => this.isSpool(name))
      .map(name => {
        const spec = this.declared[name] ?? {};
        const why = this.planned.get(name)?.reason ?? '';
        return {
          kind: 'spool',
          id: spoolId(name),
          name,
          description: text(spec.description) || why,
          summary: keepingOf(spec),
          written: this.writers.has(name)
        };
      });
  }

  channelEdges(): Edge[] {
    return this.channels.flatMap((name): Edge[] => {
      const readers = this.readers.get(name) ?? [];
      const writer = this.writers.get(name);
      const part: Part = { kind: 'channel', name };
      if (!this.isSpool(name)) {
        return writer === undefined
          ? []
          : readers.map(({ step, name: input }) => ({
              id: `${name}>${step}.${input ?? ''}`,
              kind: 'worker' as const,
              tail: stepId(writer.step),
              head: stepId(step),
              port: writer.port,
              input,
              label: name,
              name,
              part
            }));
      }
      const here = spoolId(name);
      const out = readers.map(({ step, name: input, table }) => ({
        id: `${here}>${step}.${input ?? ''}`,
        kind: table ? ('table' as const) : ('spool' as const),
        tail: here,
        head: stepId(step),
        port: null,
        input,
        label: table ? 'table' : '',
        name,
        part
      }));
      return writer === undefined
        ? out
        : [
            {
              id: `${writer.step}.${writer.port}>${here}`,
              kind: 'spool' as const,
              tail: stepId(writer.step),
              head: here,
              port: writer.port,
              input: null,
              label: '',
              name,
              part
            },
            ...out
          ];
    });
  }

  messageEdges(): Edge[] {
    const awaited = Object.entries(this.bodies).flatMap(([step, body]) =>
      triggersOf(body).map(trigger => ({ step, tag: awaitedTag(trigger) }))
    );
    const emitted = Object.entries(this.bodies).flatMap(([step, body]) =>
      list(body.emit).map(emit => ({ step, tag: text(mapping(emit).tag) }))
    );
    const inner = emitted.flatMap(({ step, tag }) =>
      awaited.filter(wait => wait.tag === tag && tag !== '').map(wait => messageEdge(step, tag, wait.step))
    );
    const outer = list(this.document.messages).flatMap(declared => {
      const { from, tag, to } = mapping(declared);
      const tail = this.sourceOf(text(from));
      return tail === null || !(text(to) in this.bodies)
        ? []
        : [messageEdge(text(from), text(tag), text(to), tail)];
    });
    const seen = new Set<string>();
    return [...inner, ...outer].filter(({ id }) => !seen.has(id) && seen.add(id));
  }

  regions(): Region[] {
    const stages = this.shape?.stages ?? [];
    const titles = new Map(stages.map(({ id, traits }) => [id, [id, ...traits].join(' · ')]));
    const planned = new Map(
      stages.flatMap(({ id, steps }) => steps.filter(step => step in this.bodies).map(step => [step, id] as const))
    );
    const writerOf = (channel: string): string | null =>
      this.isSpool(channel) ? null : (this.writers.get(channel)?.step ?? null);
    const members = new Map<string, string[]>();
    for (const [step, stage] of foreseenStages({ bodies: this.bodies, writerOf }, planned)) {
      const known = members.get(stage) ?? [];
      members.set(stage, known);
      known.push(stepId(step));
    }
    return [...members].map(([id, nodes]) => ({ id: `stage:${id}`, title: titles.get(id) ?? '', kind: 'stage', nodes }));
  }

  /** What a message edge begins at: a step, a step's port, or a channel. */
  private sourceOf(from: string): string | null {
    const [step = ''] = from.split('.');
    if (step in this.bodies) {
      return stepId(step);
    }
    if (this.channels.includes(from) && this.isSpool(from)) {
      return spoolId(from);
    }
    const writer = this.writers.get(from);
    return writer === undefined ? null : stepId(writer.step);
  }

  /** A channel that nobody writes is shown as a node, or its reader would hang in the air. */
  private isSpool(name: string): boolean {
    const planned = this.planned.get(name)?.transport;
    const writer = this.writers.get(name);
    return (
      writer === undefined ||
      writer.port === 'rejects' ||
      text(this.declared[name]?.transport) === 'spool' ||
      planned === 'spool'
    );
  }
}

function messageEdge(from: string, tag: string, to: string, tail = stepId(from)): Edge {
  return {
    id: `message:${from}:${tag}:${to}`,
    kind: 'message',
    tail,
    head: stepId(to),
    port: null,
    input: null,
    label: tag,
    name: tag,
    part: { kind: 'message', from, tag, to }
  };
}

function summaryOf(body: Mapping): string {
  const kinds = list(body.actions).map(kindOf);
  const actions = kinds.length <= 3 ? kinds.join(', ') : `${kinds.length} actions`;
  const middle = actions || text(mapping(body.notebook).path) || text(body.uses);
  return [kindOf(body.input), middle, kindOf(body.output), dispatchInWords(body.dispatch)].filter(Boolean).join(' → ');
}

function iconOf(body: Mapping): string {
  if (body.notebook !== undefined) {
    return 'notebook';
  }
  if (body.uses !== undefined) {
    return 'block';
  }
  const kinds = list(body.actions).map(kindOf).filter(Boolean);
  return kindOf(body.input) || kindOf(body.output) || kinds[0] || (body.dispatch === undefined ? 'step' : 'split');
}

function dispatchInWords(dispatch: unknown): string {
  if (typeof dispatch === 'string') {
    return dispatch.replace('_', ' ');
  }
  const { mode, field } = mapping(dispatch);
  const by = text(field);
  return text(mode) === 'conditional' ? (by ? `by ${by}` : 'by condition') : text(mode).replace('_', ' ');
}

function triggerInWords(trigger: unknown): string {
  if (typeof trigger === 'string') {
    return trigger;
  }
  const { interval, cron, watch, message, manual } = mapping(trigger);
  if (message !== undefined) {
    return `on ${text(mapping(message).tag) || 'message'}`;
  }
  const timed = interval === undefined ? '' : `every ${String(interval)}`;
  return timed || text(cron) || (watch === undefined ? (manual === true ? 'manual' : '') : `watch ${String(watch)}`);
}

function keepingOf(spec: Mapping): string {
  const policy = text(spec.schema);
  return [text(spec.partition) && `by ${text(spec.partition)}`, policy === 'evolve' ? '' : policy]
    .filter(Boolean)
    .join(', ');
}

/** A plan's changes by what they concern, each as a line with a sign. */
import type { Part } from '../../editor/model';
import type {
  ChannelChange,
  CheckpointChange,
  JobChange,
  PlanView,
  ScheduleChange,
  SchemaChange,
  StaleHistory,
  StateChange
} from '../../protocol';
import { bytes, many } from '../../views/format';
import { inWords, linesOfDiffs, type FieldLine, type Sign } from './fields';

type Change = PlanView['changes'][number];

export interface Line {
  sign: Sign;
  /** What happens: `create`, `drop`, … */
  verb: string;
  subject: string;
  detail: string;
  fields: FieldLine[];
  /** By what name it must be accepted; null: it need not be. */
  accept: string | null;
  /** What of the graph it concerns. */
  part: Part | null;
}

export interface Group {
  title: string;
  lines: Line[];
  /** How many more there are that stay as they are. */
  unchanged: number;
}

const TITLES: Record<Change['noun'], string> = {
  setting: 'Deployment',
  job: 'Steps',
  channel: 'Channels',
  schedule: 'Schedules',
  checkpoint: 'Places in inputs',
  state: 'What actions remember',
  schema: 'Effects on data',
  history: 'Effects on data'
};
const SIGNS = {
  create: '+',
  start: '+',
  update: '~',
  replace: '~',
  remove: '-',
  keep: ' ',
  drain: '!',
  reset: '!',
  drop: '!'
} as const satisfies Record<string, Sign>;

/** In the order of the plan. */
export function groupsOf(changes: readonly Change[]): Group[] {
  const groups = new Map<string, Group>();
  for (const change of changes) {
    const title = TITLES[change.noun];
    const group = groups.get(title) ?? { title, lines: [], unchanged: 0 };
    groups.set(title, group);
    if (stays(change)) {
      group.unchanged += 1;
    } else {
      group.lines.push(lineOf(change));
    }
  }
  return [...groups.values()];
}

/** "2 to create, 1 to update"; nothing to change: empty. */
export function countsOf(changes: readonly Change[]): string {
  const counts = new Map<string, number>();
  for (const change of changes) {
    if (change.noun !== 'schema' && change.noun !== 'history' && !stays(change)) {
      const verb = verbOf(change);
      counts.set(verb, (counts.get(verb) ?? 0) + 1);
    }
  }
  return [...counts].map(([verb, count]) => `${count} to ${verb}`).join(', ');
}

function stays(change: Change): boolean {
  switch (change.noun) {
    case 'job':
      return change.verb === 'keep' && change.renamed_from === null;
    case 'channel':
    case 'schedule':
      return change.verb === 'keep';
    case 'checkpoint':
    case 'state':
      return change.fate === 'keep' && change.moved_from === null;
    default:
      return false;
  }
}

function verbOf(change: Exclude<Change, SchemaChange | StaleHistory>): string {
  switch (change.noun) {
    case 'setting':
      return 'update';
    case 'checkpoint':
    case 'state':
      return change.fate === 'keep' ? 'move' : change.fate;
    default:
      return change.verb === 'keep' ? 'move' : change.verb;
  }
}

function lineOf(change: Change): Line {
  switch (change.noun) {
    case 'setting':
      return line('~', 'update', change.name, `${inWords(change.before)} → ${inWords(change.after)}`);
    case 'job':
      return jobLine(change);
    case 'channel':
      return channelLine(change);
    case 'schedule':
      return scheduleLine(change);
    case 'checkpoint':
      return checkpointLine(change);
    case 'state':
      return stateLine(change);
    case 'schema':
      return schemaLine(change);
    case 'history':
      return historyLine(change);
  }
}

function line(sign: Sign, verb: string, subject: string, detail: string, more: Partial<Line> = {}): Line {
  return { sign, verb, subject, detail, fields: [], accept: null, part: null, ...more };
}

const step = (name: string): Part => ({ kind: 'step', name });
const channel = (name: string): Part => ({ kind: 'channel', name });

function jobLine(change: JobChange): Line {
  const renamed = change.renamed_from === null ? '' : `renamed from ${change.renamed_from}`;
  return line(signOf(change.verb), verbOf(change), change.step, renamed, {
    fields: linesOfDiffs(change.fields),
    part: step(change.step)
  });
}

function channelLine(change: ChannelChange): Line {
  const kept = change.verb === 'remove' && change.rows > 0 ? `its ${many(change.rows, 'row')} stay` : '';
  const between = change.transport === 'spool' ? 'kept in a spool' : 'in memory, within a worker';
  return line(signOf(change.verb), change.verb, change.channel, told(between, kept), {
    fields: linesOfDiffs(change.fields),
    part: channel(change.channel)
  });
}

function scheduleLine(change: ScheduleChange): Line {
  const words = { update: `${change.before} → ${change.after}`, remove: change.before };
  const detail = words[change.verb as 'update' | 'remove'] ?? change.after;
  return line(signOf(change.verb), change.verb, change.step, detail, { part: step(change.step) });
}

function checkpointLine(change: CheckpointChange): Line {
  const rows = change.unread ? `${many(change.unread, 'row')} ${change.now ? 'left out' : 'unread'}` : '';
  const detail = told(movedFrom(change), change.why, rows);
  const key = `${change.step}/${change.input}`;
  const loses = change.now || isLoss(change.fate);
  return line(change.now ? '!' : signOf(change.fate), verbOf(change), key, detail, {
    accept: loses ? `${change.fate}:${key}` : null,
    part: change.fate === 'drop' ? null : step(change.step)
  });
}

function stateLine(change: StateChange): Line {
  const key = `${change.step}/${change.action}`;
  return line(signOf(change.fate), verbOf(change), key, told(change.kept_as, movedFrom(change), change.why), {
    accept: isLoss(change.fate) ? `${change.fate}:${key}` : null,
    part: change.fate === 'drop' ? null : step(change.step)
  });
}

function schemaLine({ channel: name, column, before, after }: SchemaChange): Line {
  const subject = `${column} of ${name}`;
  const part = channel(name);
  if (before === null) {
    return line('+', 'new column', subject, after ?? '', { part });
  }
  if (after === null) {
    return line('-', 'column ends', subject, `${before}; it gets no more values`, { part });
  }
  return line('~', 'column', subject, `turns from ${before} to ${after}`, { part });
}

function historyLine(change: StaleHistory): Line {
  const { reads_rows: rows, reads_bytes: size } = change;
  const backfill =
    rows === null || size === null
      ? 'a backfill would read its outside input again'
      : `a backfill would read ${many(rows, 'row')}, ${bytes(size)}`;
  const steps = change.because.join(', ');
  const when = steps ? `made before the change of ${steps}` : 'made by runs before the first apply';
  const made = `${many(change.rows, 'row')}, ${bytes(change.bytes)}, ${when}`;
  return line('!', 'history', change.channel, told(made, backfill), { part: channel(change.channel) });
}

/** What is only renamed or moved differs, too. */
function signOf(verb: keyof typeof SIGNS): Sign {
  return SIGNS[verb] === ' ' ? '~' : SIGNS[verb];
}

function isLoss(fate: CheckpointChange['fate']): boolean {
  return SIGNS[fate] === '!';
}

function movedFrom({ moved_from }: CheckpointChange | StateChange): string {
  return moved_from === null ? '' : `moved from ${moved_from}`;
}

function told(...parts: string[]): string {
  return parts.filter(Boolean).join('; ');
}

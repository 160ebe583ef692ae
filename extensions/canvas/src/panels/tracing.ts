/** A trace as a strip of places: which there are, which one is looked at, and what changed there. */
import type { Document, Part, TraceFocus } from '../editor/model';
import type { Column, Problem, Sighting, Table, TracePoint } from '../protocol';
import { count, many, seconds } from '../views/format';
import { stepOf } from './LivePanel';

/** A step with the places of it that rows were seen at. */
export interface TracedStep {
  step: string;
  places: TracePoint[];
}

/** One point for each place of a step: bad rows of an input come as a point of their own. */
export function placesOf(points: readonly TracePoint[]): TracePoint[] {
  const places = new Map<string, TracePoint>();
  for (const point of points) {
    const key = keyOf(point);
    const before = places.get(key);
    places.set(key, {
      ...point,
      rejects: point.rejects + (before?.rejects ?? 0),
      seconds: point.seconds + (before?.seconds ?? 0),
      error: point.error ?? before?.error ?? null
    });
  }
  return [...places.values()];
}

export function stepsOf(places: readonly TracePoint[]): TracedStep[] {
  const steps = new Map<string, TracedStep>();
  for (const place of places) {
    const step = steps.get(place.step) ?? { step: place.step, places: [] };
    step.places.push(place);
    steps.set(place.step, step);
  }
  return [...steps.values()];
}

export function keyOf(place: { step: string; at: string }): string {
  return `${place.step}\n${place.at}`;
}

export function samePlace(a: { step: string; at: string }, b: { step: string; at: string }): boolean {
  return a.step === b.step && a.at === b.at;
}

/** "clean › derive", as one says where a row is. */
export function titleOf(place: { step: string; at: string }): string {
  return `${place.step} › ${place.at}`;
}

/** Where to look: where one asked to, else where it went wrong, else at the first place. */
export function lookedAt(places: readonly TracePoint[], focus: TraceFocus | null): TracePoint | null {
  const asked = focus === null ? undefined : places.find(place => samePlace(place, focus));
  const near = focus === null ? undefined : lastOf(places, focus.step);
  return asked ?? near ?? places.find(place => place.error !== null) ?? places[0] ?? null;
}

/** The place that shows what is selected on the canvas: what came out of a step, or went over a channel. */
export function placeOfPart(
  places: readonly TracePoint[],
  part: Part | undefined,
  document: Document | null
): TracePoint | null {
  if (part?.kind === 'step') {
    return lastOf(places, part.name) ?? null;
  }
  if (part?.kind === 'channel') {
    const filler = stepOf(document, { view: 'spools', spool: part.name });
    return places.find(place => place.channel === part.name) ?? lastOf(places, filler) ?? null;
  }
  return null;
}

/** What stood before the action, or before a port took its share; null for what came in. */
export function placeBefore(places: readonly TracePoint[], place: TracePoint): TracePoint | null {
  const own = places.filter(each => each.step === place.step);
  const earlier = own.slice(0, own.findIndex(each => samePlace(each, place)));
  return earlier.filter(each => each.error === null && each.channel === null).at(-1) ?? null;
}

/** The last place of a step where all its rows are together; what ports got are shares. */
function lastOf(places: readonly TracePoint[], step: string | null): TracePoint | undefined {
  return places.filter(place => place.step === step && place.channel === null).at(-1);
}

/** Where the document says what happens here. */
export function pathOf(place: TracePoint): Problem['path'] {
  if (place.action !== null) {
    return ['steps', place.step, 'actions', place.action];
  }
  return place.at === 'input' ? ['steps', place.step] : ['steps', place.step, 'dispatch'];
}

/** A place in words, for those who do not see the strip. */
export function inWords(place: TracePoint): string {
  const parts = [many(place.rows, 'row')];
  if (place.rejects > 0) {
    parts.push(many(place.rejects, 'reject'));
  }
  if (place.error !== null) {
    parts.push('failed');
  }
  return `${place.at}: ${parts.join(', ')}`;
}

/** A whole trace in words. */
export function outcomeOf(places: readonly TracePoint[], sample: number): string {
  const rejects = places.reduce((sum, place) => sum + place.rejects, 0);
  const errors = places.filter(place => place.error !== null).length;
  const took = places.reduce((sum, place) => sum + place.seconds, 0);
  return [
    ...(errors > 0 ? [many(errors, 'error')] : []),
    ...(rejects > 0 ? [many(rejects, 'reject')] : []),
    seconds(took),
    `${many(sample, 'row')} of each input at most`
  ].join(' · ');
}

/** What an action did to the columns: in words, by name. */
export interface ColumnChanges {
  added: string[];
  removed: string[];
  /** Name → the type before. */
  retyped: Map<string, string>;
}

export function columnChanges(before: readonly Column[], after: readonly Column[]): ColumnChanges {
  const types = new Map(before.map(column => [column.name, column.type]));
  const kept = new Set(after.map(column => column.name));
  return {
    added: after.filter(column => !types.has(column.name)).map(column => column.name),
    removed: before.filter(column => !kept.has(column.name)).map(column => column.name),
    retyped: new Map(
      after.flatMap(({ name, type }) => {
        const was = types.get(name);
        return was !== undefined && was !== type ? [[name, was] as const] : [];
      })
    )
  };
}

/** A table with these columns right behind its first one, which people know rows by. */
export function withInFront(table: Table, names: ReadonlySet<string>): Table {
  const order = table.columns.map((_, at) => at);
  const rank = (at: number): number => (at === 0 ? 0 : names.has(table.columns[at]?.name ?? '') ? 1 : 2);
  return reordered(table, order.sort((a, b) => rank(a) - rank(b) || a - b));
}

/** Rejects as one reads them: why, and what; where is known already. */
export function rejectsToRead(table: Table): Table {
  const wanted = ['reason', '_row', 'code', 'position'];
  const order = wanted.map(name => table.columns.findIndex(column => column.name === name));
  return reordered(table, order.filter(at => at >= 0));
}

function reordered(table: Table, order: readonly number[]): Table {
  const columns = order.flatMap(at => table.columns[at] ?? []);
  return { ...table, columns, rows: table.rows.map(row => order.map(at => row[at])) };
}

/** What happened between two places, in one line; `changed` are columns whose values differ. */
export function changeInWords(before: TracePoint, after: TracePoint, changed: readonly string[] = []): string {
  const { added, removed, retyped } = columnChanges(before.columns, after.columns);
  const parts = [
    before.rows === after.rows
      ? `${many(after.rows, 'row')} before and after`
      : `${count(before.rows)} → ${many(after.rows, 'row')}`
  ];
  if (after.rejects > 0) {
    parts.push(`${count(after.rejects)} rejected`);
  }
  if (added.length > 0) {
    parts.push(`new: ${added.join(', ')}`);
  }
  if (removed.length > 0) {
    parts.push(`gone: ${removed.join(', ')}`);
  }
  if (changed.length > 0) {
    parts.push(`changed: ${changed.join(', ')}`);
  }
  if (retyped.size > 0) {
    parts.push(`other type: ${[...retyped].map(([name, was]) => `${name} (was ${was})`).join(', ')}`);
  }
  return parts.join(' · ');
}

/** Which rows of a place the followed row is, counted from 1 as people do. */
export function rowsInWords({ rows, rejected }: Sighting): string {
  const listed = (numbers: readonly number[]): string => {
    const first = numbers.slice(0, 4).map(row => count(row + 1));
    return numbers.length > 4 ? `${first.join(', ')} and ${count(numbers.length - 4)} more` : first.join(', ');
  };
  const parts: string[] = [];
  if (rows.length > 0) {
    parts.push(`${rows.length === 1 ? 'row' : 'rows'} ${listed(rows)}`);
  }
  if (rejected.length > 0) {
    parts.push(`rejected (${rejected.length === 1 ? 'reject' : 'rejects'} ${listed(rejected)})`);
  }
  return parts.join(', ');
}

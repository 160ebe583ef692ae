/** Fields that differ, as people read them. */
import type { FieldChange, FieldDiff, PartChange } from '../../protocol';
import { placeOf } from '../problems';

/** What stands before a line, so that colour is never the only one that tells. */
export type Sign = '+' | '~' | '-' | '!' | ' ';

export interface FieldLine {
  sign: Sign;
  /** Where: `actions[2] › derive › speed`. */
  place: string;
  /** Null: it was not there. */
  before: string | null;
  /** Null: it is gone. */
  after: string | null;
  /** Too long for one line, or more than one. */
  long: boolean;
}

const SHORT = 60;
/** Names of keys and indexes in a dotted path. */
const KEYS = /\[(\d+)\]|([^.[\]]+)/g;

export const SIGNS: Record<PartChange['mark'], Sign> = {
  create: '+',
  update: '~',
  replace: '~',
  moved: '~',
  remove: '-',
  keep: ' '
};

/** A part's fields; their paths begin with its section and its name, which its own line tells. */
export function linesOfPart(part: PartChange): FieldLine[] {
  const above = part.part === 'workflow' ? 0 : 2;
  return part.fields.map(field => lineOf(field.path.slice(above), field));
}

/** The fields of a change of a plan. */
export function linesOfDiffs(fields: readonly FieldDiff[]): FieldLine[] {
  return fields.map(field => lineOf(pathOf(field.path), field));
}

function lineOf(path: FieldChange['path'], { before, after }: { before: unknown; after: unknown }): FieldLine {
  const was = before === null ? null : inWords(before);
  const is = after === null ? null : inWords(after);
  return {
    sign: was === null ? '+' : is === null ? '-' : '~',
    place: path.length > 0 ? placeOf(path) : 'the whole of it',
    before: was,
    after: is,
    long: [was, is].some(text => text !== null && (text.length > SHORT || text.includes('\n')))
  };
}

/** `actions[1].derive.speed` as a path. */
export function pathOf(dotted: string): FieldChange['path'] {
  return [...dotted.matchAll(KEYS)].map(([, index, name]) => (index === undefined ? (name ?? '') : Number(index)));
}

/** Texts as they are, lists and mappings as YAML's flow style has them. */
export function inWords(value: unknown): string {
  if (typeof value === 'string') {
    return value;
  }
  if (Array.isArray(value)) {
    return `[${value.map(inWords).join(', ')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value).map(([key, each]) => `${key}: ${inWords(each)}`).join(', ')}}`;
  }
  return value === null ? 'none' : String(value);
}

/** "renamed from X", "only its place on the canvas": what a mark alone does not say. */
export function noteOf(part: PartChange): string {
  if (part.was !== null) {
    return `renamed from ${part.was}`;
  }
  return part.mark === 'moved' ? 'only its place on the canvas' : '';
}

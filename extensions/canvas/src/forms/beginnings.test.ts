/** What each thing of the real palette begins with, judged by Python's own validation: a new part has no
 * error that its user has not made. What only they can know is empty, and said to be so. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, expect, it, vi } from 'vitest';
import type { Document } from '../editor/model';
import { addInto, addOps, GENERAL } from '../graph/add';
import { connectOps, type Source } from '../graph/connect';
import { applyOps } from '../graph/ops';
import type { Column, Kind, Palette, Problem } from '../protocol';
import { at } from './edits';
import { fitted } from './fitting';

// A busy machine takes its time over a whole palette.
vi.setConfig({ testTimeout: 60_000 });

const ROOT = resolve(__dirname, '../../../..');
/** One Python for all tests, whose start is most of what each would take: the palette, and then problems
 * for each line of documents. */
const PYTHON = spawn(
  process.env.PYTHON ?? 'python3',
  [
    '-c',
    `import json, sys
import lyftnb as ln
from pathlib import Path
from lyftnb.workspace.studio.palette import palette
told = lambda p: {"code": p.code, "path": p.path, "severity": p.severity, "message": p.message}
print(palette((), Path("/nowhere")).model_dump_json(), flush=True)
for line in sys.stdin:
    found = [[told(p) for p in ln.Workflow.from_dict(d).validate()] for d in json.loads(line)]
    print(json.dumps(found), flush=True)`
  ],
  { cwd: ROOT, env: { ...process.env, PYTHONPATH: ROOT }, stdio: ['pipe', 'pipe', 'inherit'] }
);
const ANSWERS = createInterface(PYTHON.stdout)[Symbol.asyncIterator]();
const PALETTE = (await answer()) as Palette;
afterAll(() => PYTHON.stdin.end());
const ROW = { id: 1, name: 'a', price: 1.5 };
const COLUMNS: Column[] = [
  { name: 'id', type: 'BIGINT' },
  { name: 'name', type: 'VARCHAR' },
  { name: 'price', type: 'DOUBLE' }
];
const BASE: Document = {
  workflow: 'w',
  steps: {
    some: { input: { inline: { rows: [ROW] } }, out: 'rows' },
    others: { input: { inline: { rows: [{ id: 1, note: 'x' }] } }, out: 'notes' }
  }
};
const ROWS: Source = { kind: 'port', step: 'some', port: 'out', channel: 'rows' };
const NOTES: Source = { kind: 'port', step: 'others', port: 'out', channel: 'notes' };
/** A step that is only begun has nothing to read or to do: that is what comes next. */
const NEXT = ['no_input', 'no_body', 'not_yet'];

async function answer(): Promise<unknown> {
  const { value, done } = await ANSWERS.next();
  if (done) {
    throw new Error('Python has ended, and says why above');
  }
  return JSON.parse(value);
}

function with_(kind: Kind, columns: readonly Column[] | null, behind: Source | null): Document {
  return applyOps(BASE, addOps(BASE, { entry: 'kind', kind: fitted(kind, columns) }, behind).ops).document;
}

async function errorsOf(documents: readonly Document[]): Promise<Problem[][]> {
  PYTHON.stdin.write(`${JSON.stringify(documents)}\n`);
  const found = (await answer()) as Problem[][];
  return found.map(problems => problems.filter(({ severity, code }) => severity === 'error' && !NEXT.includes(code)));
}

/** Whether something at the place, below it or right above it is empty. */
function isEmptyAt(document: Document, path: Problem['path']): boolean {
  const places = [path, path.slice(0, -1)].map(place => at(document, place));
  return places.some(value => value === '') || JSON.stringify(places[0] ?? '').includes('""');
}

const named = (kind: Kind): string => `${kind.family} ${kind.name}`;

it('begins with nothing wrong but places to fill in, whatever is known of columns', async () => {
  const documents = PALETTE.kinds.flatMap(kind => [with_(kind, null, null), with_(kind, COLUMNS, ROWS)]);
  const wrong = (await errorsOf(documents)).flatMap((problems, index) =>
    problems
      .filter(({ path }) => !isEmptyAt(documents[index]!, path))
      .map(({ path, message }) => `${named(PALETTE.kinds[index >> 1]!)}: ${path.join('.')}: ${message}`)
  );
  expect(wrong).toEqual([]);
});

it('is told of each place that is to be filled in, also where no columns are known', async () => {
  const begun = PALETTE.kinds.map(kind => ({ kind, document: with_(kind, null, null) }));
  const open = begun.filter(({ kind }) => JSON.stringify(fitted(kind, null).example ?? null).includes('""'));
  const errors = await errorsOf(open.map(({ document }) => document));
  expect(open.filter((_, index) => errors[index]!.length === 0).map(({ kind }) => named(kind))).toEqual([]);
});

it('is ready behind plain rows, but for what needs a name from outside, or columns of another kind', async () => {
  const errors = await errorsOf(PALETTE.kinds.map(kind => with_(kind, COLUMNS, ROWS)));
  const unready = PALETTE.kinds.filter((_, index) => errors[index]!.length > 0).map(named);
  expect(unready.sort()).toEqual([
    'action explode', 'action join', 'action lookup', 'action unnest', 'action window', 'input files', 'input spool'
  ]);
});

it.each(['join', 'lookup'])('%s takes the second channel that is connected as its table', async name => {
  const kind = PALETTE.kinds.find(one => one.name === name)!;
  const { document: one } = applyOps(BASE, addOps(BASE, { entry: 'kind', kind: fitted(kind, COLUMNS) }, ROWS).ops);
  const { document: both } = applyOps(one, connectOps(one, NOTES, { kind: 'step', name }));
  const on = { op: 'put' as const, path: ['steps', name, 'actions', 0, name, 'on'], value: 'id' as never };
  const add = { op: 'put' as const, path: ['steps', name, 'actions', 0, name, 'add'], value: 'note' as never };
  const { document: filled } = applyOps(both, name === 'join' ? [on] : [on, add]);
  expect(at(both, ['steps', name, 'in'])).toEqual({ rows: 'rows', notes: { channel: 'notes', as: 'table' } });
  expect(await errorsOf([filled])).toEqual([[]]);
});

it.each(['join', 'lookup'])('%s begins with the table that the step reads, and the key that both have', async name => {
  const kind = PALETTE.kinds.find(one => one.name === name)!;
  const step = { in: { rows: 'rows', notes: { channel: 'notes', as: 'table' } }, out: 'found' };
  const before = { ...BASE, steps: { ...(BASE.steps as object), found: step } };
  const notes: Column[] = [{ name: 'id', type: 'BIGINT' }, { name: 'note', type: 'VARCHAR' }];
  const { document } = applyOps(before, addInto(before, fitted(kind, COLUMNS, { notes }), 'found')!);
  expect(await errorsOf([document])).toEqual([[]]);
});

it('gives no new step the name that a deployed one is known by', () => {
  const renamed = { workflow: 'w', steps: { tidy: { renamed_from: 'step', actions: [] } } };
  expect(addOps(renamed, GENERAL[0]!, null).part).toEqual({ kind: 'step', name: 'step_2' });
});

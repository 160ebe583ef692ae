/** Over the schemas that lyftnb really has: asked of Python when the test runs. */
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { blank, branchOf, type Field, fieldOf, fits, type Schema } from './fields';

interface Real {
  params: Schema;
  example: unknown;
}

const DUMP = `
import json
from lyftnb.connectors import SINKS, SOURCES
from lyftnb.model import ChannelSpec, StepSpec, TriggerSpec
from lyftnb.operators import action, action_kinds
schema = lambda params: params.model_json_schema(by_alias=True)
actions = {n: {"params": schema(action(n).Params), "example": action(n).example.params} for n in action_kinds()}
ends = {f"{n} {e}": {"params": schema(t[n].Params), "example": None} for e, t in (("in", SOURCES), ("out", SINKS)) for n in t}
specs = {t.__name__: {"params": schema(t), "example": None} for t in (ChannelSpec, StepSpec, TriggerSpec)}
print(json.dumps({**actions, **ends, **specs}, default=str))
`;
const ROOT = resolve(__dirname, '../../../..');
const REAL: Record<string, Real> = JSON.parse(
  execFileSync(process.env.PYTHON ?? 'python3', ['-c', DUMP], {
    cwd: ROOT,
    env: { ...process.env, PYTHONPATH: ROOT },
    maxBuffer: 1 << 26
  }).toString()
);

function real(name: string): Field {
  const params = REAL[name]!.params;
  return fieldOf(params, params);
}

function named(field: Field, name: string): Field {
  if (field.shape.kind !== 'object') {
    throw new Error(`${field.title} has no fields, it is ${field.shape.kind}`);
  }
  return field.shape.fields.find(one => one.name === name)!;
}

describe('the real schemas', () => {
  it('a filter is an expression', () => {
    expect(real('filter').shape).toMatchObject({ kind: 'text', content: 'expression' });
  });

  it('derive is a map of columns to expressions', () => {
    expect(real('derive').shape).toMatchObject({
      kind: 'map',
      keys: 'column',
      value: { shape: { kind: 'text', content: 'expression' } }
    });
  });

  it('tells names of columns that are there from those that are made', () => {
    expect(real('rename').shape).toMatchObject({ kind: 'map', keys: 'known column' });
    expect(named(real('StepSpec'), 'retry').shape).not.toMatchObject({ keys: 'known column' });
    expect(named(real('ChannelSpec'), 'event_time').shape).toMatchObject({ kind: 'text', content: 'column' });
  });

  it('aggregate has fields, with a map that is computed', () => {
    expect(named(real('aggregate'), 'compute').shape.kind).toBe('map');
  });

  it('a time to live is a duration, not a choice between text and number', () => {
    expect(named(real('kv'), 'ttl')).toMatchObject({ optional: true, shape: { kind: 'text', content: 'duration' } });
  });

  it('an enum that may be left out is a choice', () => {
    expect(named(real('lookup'), 'missing').shape).toEqual({ kind: 'choice', options: ['null', 'reject', 'drop'] });
    expect(named(real('StepSpec'), 'frame')).toMatchObject({ optional: true, shape: { kind: 'choice' } });
  });

  it('short forms stand beside long ones, each once', () => {
    const dedupe = real('dedupe').shape;
    expect(dedupe.kind === 'either' && dedupe.branches.map(one => one.shape.kind)).toEqual(['text', 'list', 'object']);
  });

  it('what is required is told', () => {
    expect(named(real('join'), 'right')).toMatchObject({ required: true, optional: false });
    expect(named(real('join'), 'left')).toMatchObject({ required: false, optional: true });
  });

  it('references are followed, and say how a trigger filters messages', () => {
    expect(named(named(real('TriggerSpec'), 'message'), 'tag').shape.kind).toBe('text');
  });

  it.each(Object.keys(REAL))('%s has a form down to its leaves', name => {
    const raw: string[] = [];
    const walk = (field: Field, path: string): void => {
      const { shape } = field;
      if (shape.kind === 'json') {
        raw.push(path);
      }
      const inner =
        shape.kind === 'list' ? [shape.item]
        : shape.kind === 'map' ? [shape.value]
        : shape.kind === 'object' ? shape.fields
        : shape.kind === 'either' ? shape.branches
        : [];
      inner.forEach(one => walk(one, `${path}.${one.name}`));
    };
    walk(real(name), name);
    // Only free values are left to JSON: what Python gets, rows that stand in the document, and
    // the body of a step, which has forms of its own.
    const free = /^(python.*\.values\.|inline in.*rows.*|inline in.*\.|StepSpec\.(input|output|actions|notebook|with|uses).*)$/;
    expect(raw.filter(path => !free.test(path))).toEqual([]);
  });

  it.each(Object.entries(REAL).filter(([, one]) => one.example !== null))('%s shows its example', (name, one) => {
    expect(fits(real(name).shape, one.example)).toBe(true);
  });
});

describe('alternatives', () => {
  it('are told apart by what a value looks like', () => {
    const { shape } = real('dedupe');
    const branches = shape.kind === 'either' ? shape.branches : [];
    expect(branchOf(branches, 'id')).toBe(0);
    expect(branchOf(branches, ['id', 'day'])).toBe(1);
    expect(branchOf(branches, { by: 'id', ttl: '7d' })).toBe(2);
    expect(branchOf(branches, { by: 'id', typo: 1 })).toBe(-1);
  });
});

it('a new part begins with what it must have, and nothing else', () => {
  expect(blank(real('join'))).toMatchObject({ right: '' });
  expect(Object.keys(blank(real('join')) as object)).toEqual(['right', 'on']);
  expect(blank(real('derive'))).toEqual({});
});

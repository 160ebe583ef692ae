import { describe, expect, it } from 'vitest';
import type { Document, Part } from '../editor/model';
import type { Kind } from '../protocol';
import { addBetween, addInto, addOps } from './add';
import { aligned } from './align';
import { copied, pasted } from './clipboard';
import { connectOps, refusalOf, sourcesOf, targetsFor, type Source } from './connect';
import { fixedPlaces, placeOps } from './fixed';
import { graphOf, stepId } from './graph';
import { laidOut } from './layout';
import { applyOps, put } from './ops';
import { placesOf } from './places';
import { disconnectOps, removeOps } from './remove';
import { nameRefusal, renameOps } from './rename';
import { flights } from './samples';
import { sizeOf } from './sizes';
import { inOrder, nodeTowards } from './walk';

const after = (ops: Parameters<typeof applyOps>[1], document = flights()): Document => applyOps(document, ops).document;
const step = (name: string): Part => ({ kind: 'step', name });
const channel = (name: string): Part => ({ kind: 'channel', name });
const edges = (document: Document): string[] =>
  graphOf(document, null).edges.map(edge => `${edge.tail} -${edge.kind}> ${edge.head}`);
const body = (document: Document, name: string): unknown => (document.steps as Record<string, unknown>)[name];
const FILTER = { family: 'action', name: 'filter', example: 'x > 1' } as unknown as Kind;
const PARQUET = { family: 'output', name: 'parquet', example: { path: 'out' } } as unknown as Kind;

describe('a graph', () => {
  it('has spools as nodes and in-memory channels as edges', () => {
    const graph = graphOf(flights(), null);
    expect(graph.nodes.filter(node => node.kind === 'spool').map(node => node.name)).toEqual(['raw', 'clean', 'clean_rejects']);
    expect(edges(flights())).toEqual(
      expect.arrayContaining([
        'step:ingest -spool> spool:raw',
        'step:clean -worker> step:enrich',
        'spool:raw -table> step:joined',
        'step:clean -spool> spool:clean_rejects',
        'step:ingest -message> step:report',
        'step:clean -message> step:report'
      ])
    );
  });

  it('says in words what a step does', () => {
    const clean = graphOf(flights(), null).nodes.find(node => node.name === 'clean');
    expect(clean?.summary).toBe('filter, derive');
  });

  it('takes the transports of a plan', () => {
    const shape = {
      revision: 1, groups: {}, relays: [], text: '',
      stages: [{ id: 's1', steps: ['clean', 'enrich'], traits: ['frame: run'] }],
      channels: [{ name: 'checked', transport: 'spool' as const, reason: 'read by two', producer: 'clean', port: 'out', consumers: ['enrich'], rejects: false, replaced: false }]
    };
    const graph = graphOf(flights(), shape);
    expect(graph.nodes.find(node => node.id === 'spool:checked')?.description).toBe('read by two');
    expect(graph.regions[0]).toEqual({ id: 'stage:s1', title: 's1 · frame: run', kind: 'stage', nodes: ['step:clean', 'step:enrich'] });
  });

  it('is made of any document, however wrong', () => {
    const odd = { steps: { a: null, b: { in: [1, {}], out: 3, actions: 'x', trigger: 'manual' } }, channels: [], messages: [null] };
    expect(graphOf(odd, null).nodes.map(node => node.name)).toEqual(['a', 'b']);
  });
});

describe('connecting', () => {
  const port = (name: string, out: string): Source => ({ kind: 'port', step: name, port: 'out', channel: out });

  it('adds to what a step reads, in the shape that it has', () => {
    expect(body(after(connectOps(flights(), port('ingest', 'raw'), { kind: 'step', name: 'enrich' })), 'enrich')).toMatchObject({ in: ['checked', 'raw'] });
    expect(body(after(connectOps(flights(), port('clean', 'checked'), { kind: 'step', name: 'joined' })), 'joined')).toMatchObject({ in: { checked: 'checked' } });
  });

  it('gives a second port a dispatch', () => {
    const document = after(connectOps(flights(), { kind: 'new port', step: 'enrich' }, { kind: 'step', name: 'alert' }));
    expect(body(document, 'enrich')).toMatchObject({ out: { out: 'clean', out_2: 'enrich_out' }, dispatch: 'clone' });
    expect(body(document, 'alert')).toMatchObject({ in: ['clean_rejects', 'enrich_out'] });
  });

  it('refuses a second producer, itself, what has an input, and circles in memory', () => {
    expect(refusalOf(flights(), port('clean', 'checked'), { kind: 'channel', name: 'raw' })).toContain('ingest');
    expect(refusalOf(flights(), port('clean', 'checked'), { kind: 'step', name: 'clean' })).toContain('own');
    expect(refusalOf(flights(), port('clean', 'checked'), { kind: 'step', name: 'ingest' })).toContain('outside');
    const loop = after([put(['steps', 'enrich', 'out'], 'back')]);
    expect(refusalOf(loop, port('enrich', 'back'), { kind: 'step', name: 'clean' })).toContain('circle');
    expect(refusalOf(flights(), port('enrich', 'clean'), { kind: 'step', name: 'clean' })).toBeNull();
  });

  it('makes message edges, once', () => {
    const source: Source = { kind: 'message', step: 'files' };
    const document = after(connectOps(flights(), source, { kind: 'step', name: 'report' }));
    expect(edges(document)).toContain('step:files -message> step:report');
    expect(connectOps(document, source, { kind: 'step', name: 'report' })).toEqual([]);
  });

  it('offers a new spool from a port, and none from a channel', () => {
    const kinds = (source: Source): string[] => targetsFor(flights(), source).map(({ target }) => target.kind);
    expect(kinds(port('clean', 'checked'))).toContain('new channel');
    expect(kinds({ kind: 'channel', name: 'raw' })).not.toContain('new channel');
    expect(sourcesOf(flights(), step('route')).map(source => source.kind)).toEqual(['port', 'port', 'new port', 'rejects', 'message']);
  });
});

describe('renaming', () => {
  it('takes a step’s references along', () => {
    const document = after(renameOps(flights(), step('clean'), 'tidy'));
    expect(Object.keys(document.steps as object)[1]).toBe('tidy');
    expect(body(document, 'alert')).toMatchObject({ in: 'tidy_rejects' });
    expect(document.messages).toEqual([{ from: 'tidy.rejects', tag: 'bad', to: 'report' }]);
    expect(document.ui).toMatchObject({ steps: { tidy: { x: 300, y: 0 } } });
  });

  it('notes what a deployed step was called, however often it gets other names', () => {
    const deployed = new Set(['clean', 'route']);
    const first = after(renameOps(flights(), step('clean'), 'tidy', deployed));
    expect(body(first, 'tidy')).toMatchObject({ renamed_from: 'clean' });
    const second = after(renameOps(first, step('tidy'), 'neat', deployed), first);
    expect(body(second, 'neat')).toMatchObject({ renamed_from: 'clean' });
    const back = after(renameOps(second, step('neat'), 'clean', deployed), second);
    expect(body(back, 'clean')).toEqual(body(flights(), 'clean'));
    const applied = after(renameOps(second, step('neat'), 'fine', new Set(['neat'])), second);
    expect(body(applied, 'fine')).toMatchObject({ renamed_from: 'neat' });
    expect(body(after(renameOps(flights(), step('joined'), 'met', deployed)), 'met')).not.toHaveProperty('renamed_from');
  });

  it('notes the first name where nobody can tell what is deployed', () => {
    const first = after(renameOps(flights(), step('clean'), 'tidy', null));
    expect(body(first, 'tidy')).toMatchObject({ renamed_from: 'clean' });
    const second = after(renameOps(first, step('tidy'), 'neat', null), first);
    expect(body(second, 'neat')).toMatchObject({ renamed_from: 'clean' });
    expect(body(after(renameOps(second, step('neat'), 'clean', null), second), 'clean')).toEqual(body(flights(), 'clean'));
  });

  it('takes a channel’s readers and writer along', () => {
    const document = after(renameOps(flights(), channel('raw'), 'fresh'));
    expect(body(document, 'ingest')).toMatchObject({ out: 'fresh' });
    expect(body(document, 'joined')).toMatchObject({ in: { airports: { channel: 'fresh', as: 'table' } } });
    expect(JSON.stringify(document)).not.toContain('"raw"');
  });

  it('refuses names that are taken or none', () => {
    expect(nameRefusal(flights(), step('clean'), 'route')).toContain('already');
    expect(nameRefusal(flights(), channel('raw'), 'to_jfk')).toContain('already');
    expect(nameRefusal(flights(), step('clean'), 'Clean')).toContain('small letters');
    expect(nameRefusal(flights(), step('clean'), 'clean')).toBeNull();
  });
});

describe('removing', () => {
  it('leaves no reference to what is gone', () => {
    const document = after(removeOps(flights(), [step('clean'), channel('raw')]));
    expect(JSON.stringify(document)).not.toMatch(/"raw"|clean_rejects|"checked"|clean\.rejects/);
    expect(body(document, 'joined')).toMatchObject({ in: { rows: 'clean' } });
    expect(document.messages).toBeUndefined();
  });

  it('cuts an edge and leaves its ends', () => {
    for (const edge of graphOf(flights(), null).edges.filter(one => one.tail !== 'step:clean' || one.kind === 'worker')) {
      const document = after(disconnectOps(flights(), [edge]));
      expect(graphOf(document, null).edges.map(({ id }) => id)).not.toContain(edge.id);
      expect(Object.keys(document.steps as object)).toEqual(Object.keys(flights().steps as object));
    }
  });
});

describe('copy and paste', () => {
  const places = new Map([['step:clean', { x: 300, y: 0 }]]);

  it('gives clashing names a number, and keeps what belongs together', () => {
    const source = copied(flights(), [step('clean'), step('enrich')], places);
    const { ops, parts } = pasted(flights(), source, [{ x: 300, y: 0 }])!;
    const document = after(ops);
    expect(parts).toEqual([step('clean_2'), step('enrich_2'), channel('clean_2')]);
    expect(body(document, 'clean_2')).toMatchObject({ in: 'raw', out: 'checked_2' });
    expect(body(document, 'enrich_2')).toMatchObject({ in: 'checked_2', out: 'clean_2' });
    expect(document.ui).toMatchObject({ steps: { clean_2: { x: 300, y: 150 } } });
  });

  it('lets one step alone say that it was another before', () => {
    const moved = after([put(['steps', 'clean', 'renamed_from'], 'wash')]);
    const source = copied(moved, [step('clean')], places);
    expect(body(after(pasted(moved, source, [])!.ops, moved), 'clean_2')).not.toHaveProperty('renamed_from');
    const { ops } = pasted({ workflow: 'flights' }, source, [])!;
    expect(body(after(ops, { workflow: 'flights' }), 'clean')).toMatchObject({ renamed_from: 'wash' });
  });

  it('keeps names in another document, and refuses other text', () => {
    const source = copied(flights(), [step('clean')], places);
    const { ops } = pasted({ workflow: 'other' }, source, [])!;
    expect(body(after(ops, { workflow: 'other' }), 'clean')).toEqual(body(flights(), 'clean'));
    expect(pasted(flights(), 'SELECT 1', [])).toBeNull();
    expect(pasted(flights(), '{"steps": {"a": 1}}', [])).toBeNull();
  });
});

describe('adding', () => {
  it('joins a new step to the one before', () => {
    const { ops, part } = addOps(flights(), { entry: 'kind', kind: PARQUET }, sourcesOf(flights(), step('enrich'))[0]!);
    expect(part).toEqual(step('write_parquet'));
    expect(body(after(ops), 'write_parquet')).toEqual({ output: { parquet: { path: 'out' } }, in: 'clean' });
  });

  it('puts an action into a step, or between two', () => {
    expect(body(after(addInto(flights(), FILTER, 'enrich')!), 'enrich')).toMatchObject({ actions: [{}, { filter: 'x > 1' }] });
    expect(addInto(flights(), FILTER, 'report')).toBeNull();
    const edge = graphOf(flights(), null).edges.find(one => one.kind === 'worker' && one.name === 'checked')!;
    const document = after(addBetween(flights(), FILTER, edge)!.ops);
    expect(body(document, 'filter')).toMatchObject({ in: 'checked', out: 'filter_out' });
    expect(body(document, 'enrich')).toMatchObject({ in: 'filter_out' });
  });
});

describe('layout', () => {
  it('goes from left to right, and no nodes cover one another', () => {
    const graph = graphOf(flights(), null);
    const { places } = laidOut(graph);
    for (const edge of graph.edges.filter(one => one.kind !== 'message')) {
      expect(places.get(edge.tail)!.x).toBeLessThan(places.get(edge.head)!.x);
    }
    for (const one of graph.nodes) {
      for (const other of graph.nodes.filter(node => node !== one)) {
        const [a, b, size, its] = [places.get(one.id)!, places.get(other.id)!, sizeOf(one), sizeOf(other)];
        const apart = a.x + size.width <= b.x || b.x + its.width <= a.x || a.y + size.height <= b.y || b.y + its.height <= a.y;
        expect(apart, `${one.id} and ${other.id}`).toBe(true);
      }
    }
  });

  it('has steps stand in the order of the ports that they read', () => {
    const route = { input: { files: {} }, out: { upper: 'one', lower: 'other' }, dispatch: 'clone' };
    const graph = graphOf({ steps: { route, below: { in: 'other' }, above: { in: 'one' } } }, null);
    const { places } = laidOut(graph);
    expect(places.get('step:above')!.y).toBeLessThan(places.get('step:below')!.y);
  });

  it('stands many pieces that nothing joins in columns', () => {
    const chains = Array.from({ length: 12 }, (_, index) => [
      [`read_${index + 10}`, { out: `rows_${index + 10}` }],
      [`write_${index + 10}`, { in: `rows_${index + 10}` }]
    ]);
    const graph = graphOf({ steps: Object.fromEntries(chains.flat()) as Document }, null);
    expect(new Set([...laidOut(graph).places.values()].map(({ x }) => x)).size).toBe(4);
  });

  it('keeps the places that are known, and finds free ones for the rest', () => {
    const graph = graphOf(flights(), null);
    const known = fixedPlaces(flights(), graph.nodes);
    const { places } = placesOf(graph, known);
    expect(places.get('step:clean')).toEqual({ x: 300, y: 0 });
    expect(places.size).toBe(graph.nodes.length);
    expect(new Set([...places.values()].map(({ x, y }) => `${x},${y}`)).size).toBe(graph.nodes.length);
    const document = after(placeOps(graph.nodes, places));
    expect(placesOf(graphOf(document, null), fixedPlaces(document, graph.nodes)).places).toEqual(places);
  });

  it('makes room for what comes between, unless the document holds the rest in place', () => {
    const steps = { read: { input: { files: {} }, out: 'rows' }, write: { in: 'rows', output: { parquet: {} } } };
    const { places: before } = placesOf(graphOf({ steps }, null), new Map());
    const graph = graphOf({ steps, channels: { rows: { transport: 'spool' } } }, null);
    const edge = (places: ReadonlyMap<string, { x: number; y: number }>): boolean =>
      places.get('step:read')!.x < places.get('spool:rows')!.x && places.get('spool:rows')!.x < places.get('step:write')!.x;
    const { places } = placesOf(graph, before, new Map());
    expect(edge(places)).toBe(true);
    expect(places.get('step:read')).toEqual(before.get('step:read'));
    expect(placesOf(graph, before, before).places.get('step:write')).toEqual(before.get('step:write'));
  });

  it('aligns one side', () => {
    const graph = graphOf(flights(), null);
    const places = aligned(graph.nodes, laidOut(graph).places, 'left');
    expect(new Set([...places.values()].map(({ x }) => x)).size).toBe(1);
  });
});

describe('walking', () => {
  const graph = graphOf(flights(), null);
  const { places } = laidOut(graph);

  it('follows the edges', () => {
    expect(nodeTowards(graph, places, stepId('ingest'), 'right')).not.toBeNull();
    expect(nodeTowards(graph, places, 'spool:raw', 'left')).toBe('step:ingest');
    expect(nodeTowards(graph, places, stepId('enrich'), 'left')).toBe('step:clean');
  });

  it('reads in the order of the data, every node once', () => {
    const order = inOrder(graph).map(node => node.id);
    expect(new Set(order).size).toBe(graph.nodes.length);
    expect(order.indexOf('step:ingest')).toBeLessThan(order.indexOf('step:clean'));
  });
});

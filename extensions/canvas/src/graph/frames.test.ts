import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Document } from '../editor/model';
import type { Shape } from '../protocol';
import { framesOf, type Frame } from './frames';
import { graphOf, type Graph } from './graph';
import { laidOut } from './layout';
import { placesOf } from './places';
import { boxesOf, overlap, padded, sizeOf, type Places, type Point } from './sizes';

const GENERATE = { generate: {} };
const NOTHING: ReadonlyMap<string, readonly Point[]> = new Map();

const shapeOf = (stages: Record<string, string[]>): Shape => ({
  revision: 1, groups: {}, relays: [], text: '', channels: [],
  stages: Object.entries(stages).map(([id, steps]) => ({ id, steps, traits: ['frame batch'] }))
});
/** As if a plan had found the stages that can be foreseen. */
const planned = (document: Document): Graph => {
  const stages = graphOf(document, null).regions.map(({ id, nodes }) => [id.slice('stage:'.length), nodes.map(node => node.slice('step:'.length))]);
  return graphOf(document, shapeOf(Object.fromEntries(stages)));
};
const stagesOf = (document: Document): string[][] => graphOf(document, null).regions.map(({ nodes }) => nodes.map(id => id.slice('step:'.length)));

/** Frames that cover another, or a node that is not in them. */
function covering(graph: Graph, places: Places, frames: readonly Frame[]): string[] {
  const nodes = boxesOf(graph.nodes, places);
  return frames.flatMap((frame, index) => [
    ...frames.slice(index + 1).filter(other => overlap(frame, other)).map(other => `${frame.id} and ${other.id}`),
    ...nodes.filter(node => !frame.region.nodes.includes(node.id) && overlap(frame, node)).map(node => `${frame.id} and ${node.id}`)
  ]);
}

/** Workflows whose steps read one or two channels of earlier ones; channels are spools or not, some steps wake
 * by themselves, some have several ports or a group of their own. */
const workflows = fc
  .array(
    fc.record({
      reads: fc.array(fc.nat(), { maxLength: 2 }),
      ports: fc.integer({ min: 1, max: 3 }),
      spool: fc.boolean(),
      alone: fc.integer({ min: 0, max: 4 }).map(number => number === 0),
      group: fc.constantFrom('default', 'etl', 'gpu')
    }),
    { minLength: 1, maxLength: 24 }
  )
  .map((made): Document => {
    const channels: [string, unknown][] = [];
    const out: string[] = [];
    const steps = made.map(({ reads, ports, spool, alone, group }, index) => {
      const inputs = [...new Set(out.length === 0 ? [] : reads.map(each => out[each % out.length] as string))];
      const own = Array.from({ length: ports }, (_, port) => `c${index}_${port}`);
      out.push(...own);
      channels.push(...(spool ? own.map(name => [name, { transport: 'spool' }] as [string, unknown]) : []));
      const body = {
        ...(inputs.length > 0 ? { in: inputs } : { input: GENERATE }),
        out: Object.fromEntries(own.map((name, port) => [`p${port}`, name])),
        ...(alone ? { trigger: { interval: '1h' } } : {}),
        group
      };
      return [`s${index}`, body] as const;
    });
    return { workflow: 'random', channels: Object.fromEntries(channels), steps: Object.fromEntries(steps) };
  });

describe('frames', () => {
  it('cover neither one another nor other nodes, wherever the layout puts them', () => {
    fc.assert(
      fc.property(workflows, document => {
        const graph = planned(document);
        const { places } = laidOut(graph);
        for (const framing of ['stages', 'groups'] as const) {
          expect(covering(graph, places, framesOf(graph, places, NOTHING, framing))).toEqual([]);
        }
        expect(framesOf(graph, places, NOTHING, 'stages').length).toBe(graph.regions.length);
      })
    );
  });

  it('keep apart when a plan cuts stages that were laid out as one', () => {
    fc.assert(
      fc.property(workflows, fc.nat(), (document, chosen) => {
        const before = planned(document);
        const { places } = laidOut(before);
        const steps = document.steps as Record<string, object>;
        const names = Object.keys(steps);
        const cut = names[chosen % names.length] as string;
        const graph = planned({ ...document, steps: { ...steps, [cut]: { ...steps[cut], trigger: { interval: '1h' } } } });
        const after = placesOf(graph, places, new Map()).places;
        expect(covering(graph, after, framesOf(graph, after, NOTHING, 'stages'))).toEqual([]);
      })
    );
  });

  it('are drawn around what stands together, where a person has put something between', () => {
    const steps = { a: { input: GENERATE, out: 'x' }, b: { in: 'x', out: 'y' }, c: { in: 'y', output: { discard: {} } }, other: { input: GENERATE } };
    const graph = graphOf({ steps }, shapeOf({ a: ['a', 'b', 'c'], other: ['other'] }));
    const row = (...ids: string[]): Places => new Map(ids.map((id, index) => [`step:${id}`, { x: 300 * index, y: 0 }]));
    const frames = framesOf(graph, row('a', 'b', 'other', 'c'), NOTHING, 'stages');
    expect(frames.map(({ region, x, width }) => [region.id, x, width])).toEqual([
      ['stage:a', -18, 300 + 188 + 36],
      ['stage:a', 900 - 18, 188 + 36],
      ['stage:other', 600 - 18, 188 + 36]
    ]);
    expect(new Set(frames.map(({ id }) => id)).size).toBe(3);
  });

  it('have titles that no node stands on', () => {
    const steps = { a: { input: GENERATE }, b: { input: GENERATE }, c: { input: GENERATE } };
    const graph = graphOf({ steps }, shapeOf({ a: ['a'], b: ['b'], c: ['c'] }));
    const { height } = sizeOf(graph.nodes[0]!);
    const titles = (...tops: number[]): string[] =>
      framesOf(graph, new Map(['a', 'b', 'c'].map((id, index) => [`step:${id}`, { x: 0, y: tops[index] as number }])), NOTHING, 'stages').map(({ title }) => title);
    expect(titles(0, 300, 600)).toEqual(['top', 'top', 'top']);
    expect(titles(0, height + 12, 300)).toEqual(['top', 'bottom', 'top']);
    expect(titles(0, height + 12, 2 * height + 24)).toEqual(['top', 'over', 'bottom']);
  });
});

describe('stages', () => {
  it('are foreseen along channels in memory, up to what begins one of its own', () => {
    const steps = {
      read: { input: GENERATE, out: 'a' },
      tidy: { in: 'a', out: 'b' },
      timed: { in: 'b', trigger: { cron: '0 * * * *' }, out: 'c' },
      kept: { in: 'c', out: 'd' },
      both: { in: ['a', 'd'] },
      report: { in: 'd', notebook: { path: 'r.ipynb' } }
    };
    expect(stagesOf({ steps })).toEqual([['read', 'tidy'], ['timed', 'kept'], ['both'], ['report']]);
    expect(stagesOf({ steps, channels: { a: { transport: 'spool' } } })[0]).toEqual(['read']);
  });

  it('take in a step that the plan does not know yet', () => {
    const steps = { read: { input: GENERATE, out: 'a' }, fresh: { in: 'a' } };
    expect(graphOf({ steps }, shapeOf({ read: ['read'] })).regions).toMatchObject([{ title: 'read · frame batch', nodes: ['step:read', 'step:fresh'] }]);
  });

  it('that no plan has named are laid out, and not drawn', () => {
    const graph = graphOf({ steps: { read: { input: GENERATE } } }, null);
    const { places } = laidOut(graph);
    expect(framesOf(graph, places, NOTHING, 'stages')).toEqual([]);
    expect(laidOut(planned({ steps: { read: { input: GENERATE } } })).places).toEqual(places);
  });
});

describe('what a person has placed', () => {
  it('stays where it is, and so do its stage and what is in it', () => {
    const steps = { a: { input: GENERATE, out: 'x' }, b: { in: 'x' }, other: { input: GENERATE } };
    const graph = graphOf({ steps }, shapeOf({ a: ['a', 'b'], other: ['other'] }));
    const known = new Map([['step:a', { x: 0, y: 0 }], ['step:b', { x: 600, y: 0 }], ['step:other', { x: 300, y: 0 }]]);
    const fixed = new Map([['step:b', { x: 600, y: 0 }]]);
    expect(placesOf(graph, known, fixed).places).toEqual(known);
    const moved = placesOf(graph, known, new Map()).places;
    const box = (id: string): Parameters<typeof padded>[0] => padded({ ...moved.get(`step:${id}`)!, ...sizeOf(graph.nodes.find(node => node.name === id)!) });
    expect(box('other').y).toBeGreaterThan(box('b').y + box('b').height);
  });
});

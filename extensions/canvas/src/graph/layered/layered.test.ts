import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { around, overlap, padded } from '../sizes';
import { layered, type Box, type Line } from './layered';
import { crossings } from './crossings';
import { join, newVertex, type Layers } from './shape';

const SPACING = { layers: 56, boxes: 48, top: 30, bottom: 16 };
const HEIGHT = 60;

const box = (id: string, height = HEIGHT): Box => ({ id, width: 180, height });
const line = (tail: string, head: string, from = HEIGHT / 2, to = HEIGHT / 2, loose = false): Line => ({
  id: `${tail}>${head}`, tail, head, from, to, label: 0, loose
});

/** Boxes of several heights with lines in all directions, in circles and to themselves. */
const graphs = fc
  .array(fc.integer({ min: 20, max: 200 }), { minLength: 1, maxLength: 25 })
  .chain(heights => {
    const boxes = heights.map((height, index) => box(`b${index}`, height));
    const end = fc.integer({ min: 0, max: heights.length - 1 });
    const offset = fc.integer({ min: 0, max: 20 });
    const lines = fc.array(
      fc
        .tuple(end, end, offset, offset, fc.boolean())
        .map(([tail, head, from, to, loose]) => line(`b${tail}`, `b${head}`, from, to, loose)),
      { maxLength: 50 }
    );
    return fc.record({ boxes: fc.constant(boxes), lines });
  });

describe('boxes in layers', () => {
  it('never come nearer to one another than the gap', () => {
    fc.assert(
      fc.property(graphs, ({ boxes, lines }) => {
        const { places } = layered(boxes, lines, [], SPACING);
        expect(places.size).toBe(boxes.length);
        const all = boxes.map(each => ({ ...each, ...places.get(each.id)! }));
        all.forEach((one, index) =>
          all.slice(index + 1).forEach(other => {
            const beside = one.x + one.width + SPACING.layers <= other.x + 1 || other.x + other.width + SPACING.layers <= one.x + 1;
            const [upper, lower] = one.y < other.y ? [one, other] : [other, one];
            expect(beside || upper.y + upper.height + SPACING.boxes <= lower.y + 1).toBe(true);
          })
        );
      })
    );
  });

  it('stand the same each time', () => {
    fc.assert(
      fc.property(graphs, ({ boxes, lines }) => {
        expect(layered(boxes, lines, [], SPACING)).toEqual(layered(structuredClone(boxes), structuredClone(lines), [], SPACING));
      })
    );
  });

  it('have firm lines lead to the right, whatever loose ones do', () => {
    fc.assert(
      fc.property(graphs, ({ boxes, lines }) => {
        const number = (id: string): number => Number(id.slice(1));
        const forward = lines.filter(each => each.loose || number(each.tail) < number(each.head));
        const { places } = layered(boxes, forward, [], SPACING);
        for (const { tail, head } of forward.filter(each => !each.loose)) {
          expect(places.get(tail)!.x).toBeLessThan(places.get(head)!.x);
        }
      })
    );
  });

  it('break a circle where it comes back to its beginning', () => {
    const lines = [line('in', 'a'), line('a', 'b'), line('b', 'c'), line('c', 'a')];
    const { places } = layered(['c', 'b', 'a', 'in'].map(id => box(id)), lines, [], SPACING);
    expect([...places].sort(([, one], [, other]) => one.x - other.x).map(([id]) => id)).toEqual(['in', 'a', 'b', 'c']);
  });

  it('stand in the order of the ports that feed them', () => {
    const heads = ['x', 'y', 'z'];
    const lines = [line('route', 'z', 10), line('route', 'x', 30), line('route', 'y', 50)];
    const { places } = layered([box('route'), ...heads.map(id => box(id))], lines, [], SPACING);
    expect(heads.sort((one, other) => places.get(one)!.y - places.get(other)!.y)).toEqual(['z', 'x', 'y']);
  });

  it('have straight lines from port to port along a chain', () => {
    const boxes = [box('a', 40), box('b', 120), box('c', 60)];
    const { places } = layered(boxes, [line('a', 'b', 20, 100), line('b', 'c', 70, 10)], [], SPACING);
    expect(places.get('a')!.y + 20).toBe(places.get('b')!.y + 100);
    expect(places.get('b')!.y + 70).toBe(places.get('c')!.y + 10);
  });

  it('are run over by no line', () => {
    fc.assert(
      fc.property(graphs, ({ boxes, lines }) => {
        const { places, bends } = layered(boxes, lines, [], SPACING);
        for (const { x, y } of [...bends.values()].flat()) {
          for (const { id, width, height } of boxes) {
            const { x: left, y: top } = places.get(id)!;
            expect(x >= left && x <= left + width && y > top - 1 && y < top + height + 1).toBe(false);
          }
        }
      })
    );
  });

  it('are passed from one side of their layer to the other', () => {
    const lines = [line('a', 'b'), line('b', 'c'), line('a', 'c')];
    const { places, bends } = layered(['a', 'b', 'c'].map(id => box(id)), lines, [], SPACING);
    const { x } = places.get('b')!;
    expect([...bends.keys()]).toEqual(['a>c']);
    expect(bends.get('a>c')!.map(bend => bend.x)).toEqual([x, x + 180]);
  });
});

/** Each box in one of a few frames, or in none: whatever lines lead between them. */
const framed = graphs.chain(({ boxes, lines }) =>
  fc
    .array(fc.integer({ min: 0, max: 7 }), { minLength: boxes.length, maxLength: boxes.length })
    .map(numbers => ({
      boxes,
      lines,
      frames: Array.from({ length: 5 }, (_, frame) => ({ boxes: boxes.flatMap(({ id }, index) => (numbers[index] === frame ? [id] : [])) }))
    }))
);

describe('frames', () => {
  it('hold their boxes and no others, and keep apart', () => {
    fc.assert(
      fc.property(framed, ({ boxes, lines, frames }) => {
        const { places } = layered(boxes, lines, frames, SPACING);
        const drawn = boxes.map(({ id, width, height }) => ({ ...places.get(id)!, width, height }));
        const inFrames = frames.filter(frame => frame.boxes.length > 0).map(frame => {
          const own = drawn.filter((_, index) => frame.boxes.includes(boxes[index]!.id));
          return { ...around(own.map(padded))!, own };
        });
        const others = inFrames.map(({ own }) => drawn.filter(each => !own.includes(each)));
        inFrames.forEach((frame, index) => {
          expect(others[index]!.filter(each => overlap(frame, each))).toEqual([]);
          expect(inFrames.slice(index + 1).filter(each => overlap(frame, each))).toEqual([]);
        });
      }),
      { numRuns: 300 }
    );
  });

  it('stand the same each time', () => {
    fc.assert(
      fc.property(framed, ({ boxes, lines, frames }) => {
        const again = structuredClone({ boxes, lines, frames });
        expect(layered(boxes, lines, frames, SPACING)).toEqual(layered(again.boxes, again.lines, again.frames, SPACING));
      })
    );
  });

  it('are passed by lines above or below', () => {
    const frames = [{ boxes: ['b', 'c'] }];
    const lines = [line('a', 'b'), line('b', 'c'), line('c', 'd'), line('a', 'd')];
    const { places, bends } = layered(['a', 'b', 'c', 'd'].map(id => box(id)), lines, frames, SPACING);
    const frame = padded(around(['b', 'c'].map(id => ({ ...places.get(id)!, width: 180, height: HEIGHT })))!);
    const passed = bends.get('a>d')!;
    expect(passed.length).toBe(4);
    expect(passed.every(({ y }) => y < frame.y) || passed.every(({ y }) => y > frame.y + frame.height)).toBe(true);
  });
});

describe('crossings', () => {
  it('are those that one finds by comparing all pairs', () => {
    const ends = fc.tuple(fc.nat(5), fc.nat(5), fc.nat(60), fc.nat(60));
    fc.assert(
      fc.property(fc.array(ends, { maxLength: 30 }), all => {
        const layers: Layers = [0, 1].map(() =>
          Array.from({ length: 6 }, (_, order) => Object.assign(newVertex('box', 1, HEIGHT), { order }))
        );
        all.forEach(([tail, head, from, to]) =>
          join({ tail: layers[0]![tail]!, head: layers[1]![head]!, from, to, loose: true })
        );
        const place = (order: number, offset: number): number => order + (0.9 * offset) / HEIGHT;
        const naive = all.flatMap((one, index) =>
          all.slice(index + 1).filter(other => {
            const tails = place(one[0], one[2]) - place(other[0], other[2]);
            const heads = place(one[1], one[3]) - place(other[1], other[3]);
            return tails * heads < 0;
          })
        );
        expect(crossings(layers)).toBe(naive.length);
      })
    );
  });
});

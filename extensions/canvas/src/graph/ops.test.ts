import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Document } from '../editor/model';
import type { Op } from '../protocol';
import { changesBetween } from './changes';
import { isMapping, type Path } from './document';
import { applyOps, insert, order, put, remove, rename, UnfitOp, valueAt } from './ops';

const keys = fc.constantFrom('a', 'b', 'c', 'd', '__proto__', 'constructor');
const { value } = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(fc.integer(), fc.string({ maxLength: 3 }), fc.boolean(), fc.constant(null)),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(keys, tie('value')), { maxLength: 4 }).map(entries => Object.fromEntries(entries) as unknown)
  )
}));
const documents = fc
  .array(fc.tuple(keys, value), { maxLength: 4 })
  .map(entries => Object.fromEntries(entries) as Document);

/** Every place in a document, and some that are not there. */
function places(holder: unknown, path: Path = []): Path[] {
  if (Array.isArray(holder)) {
    return [path, [...path, holder.length], ...holder.flatMap((item, index) => places(item, [...path, index]))];
  }
  if (isMapping(holder)) {
    const below = Object.entries(holder).flatMap(([key, item]) => places(item, [...path, key]));
    return [path, [...path, 'new'], [...path, 'new', 'inner'], [...path, 'new', 0], ...below];
  }
  return [path, [...path, 'new']];
}

function opAt(document: Document, pick: number, kind: number, given: unknown): Op {
  const all = places(document);
  const path = all[pick % all.length] as Path;
  const holder = valueAt(document, path);
  const shuffled = isMapping(holder) ? Object.keys(holder).reverse() : ['a'];
  return [put(path, given), insert(path, given), remove(path), rename(path, 'renamed'), order(path, shuffled)][kind % 5] as Op;
}

const text = (document: unknown): string => JSON.stringify(document);

describe('ops', () => {
  it('are taken back by their inverse, order of keys included', () => {
    fc.assert(
      fc.property(documents, fc.array(fc.tuple(fc.nat(), fc.nat(), value), { maxLength: 6 }), (document, picks) => {
        let now = document;
        const inverse: Op[] = [];
        for (const [pick, kind, given] of picks) {
          try {
            const applied = applyOps(now, [opAt(now, pick, kind, given)]);
            now = applied.document;
            inverse.unshift(...applied.inverse);
          } catch (error) {
            expect(error).toBeInstanceOf(UnfitOp);
          }
        }
        expect(text(applyOps(now, inverse).document)).toBe(text(document));
      }),
      { numRuns: 2000 }
    );
  });

  it('leave the document before as it was', () => {
    fc.assert(
      fc.property(documents, fc.nat(), fc.nat(), value, (document, pick, kind, given) => {
        const before = text(document);
        try {
          applyOps(document, [opAt(document, pick, kind, given)]);
        } catch (error) {
          expect(error).toBeInstanceOf(UnfitOp);
        }
        expect(text(document)).toBe(before);
      })
    );
  });

  it('make the way to what they put', () => {
    expect(applyOps({}, [put(['ui', 'steps', 'a'], { x: 1 })]).document).toEqual({ ui: { steps: { a: { x: 1 } } } });
    expect(applyOps({ a: null }, [insert(['a', 0], 1)]).document).toEqual({ a: [1] });
  });

  it('refuse what does not fit', () => {
    expect(() => applyOps({}, [remove(['a'])])).toThrow(UnfitOp);
    expect(() => applyOps({ a: 1, b: 2 }, [rename(['a'], 'b')])).toThrow('already');
    expect(() => applyOps({ a: [1] }, [put(['a', 3], 1)])).toThrow(UnfitOp);
    expect(() => applyOps({ a: 1 }, [order([], ['b'])])).toThrow('once');
  });
});

describe('changes between documents', () => {
  it('lead from the one to the other, order of keys included', () => {
    fc.assert(
      fc.property(documents, documents, (before, after) => {
        expect(text(applyOps(before, changesBetween(before, after)).document)).toBe(text(after));
      }),
      { numRuns: 2000 }
    );
  });

  it('are none where nothing changed', () => {
    fc.assert(fc.property(documents, document => {
      expect(changesBetween(document, document)).toEqual([]);
    }));
  });
});

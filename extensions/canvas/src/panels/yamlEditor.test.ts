import { describe, expect, it } from 'vitest';
import { difference, lineOf } from './yamlEditor';

const TEXT = `# steps: of a comment
workflow: shop
channels:
  clean: {transport: spool}
steps:
  read:
    out: clean
  "clean": {in: clean}
`;

function applied(before: string, after: string): string {
  const change = difference(before, after);
  return change === null
    ? before
    : before.slice(0, change.from) + change.insert + before.slice(change.to);
}

describe('difference', () => {
  it.each([
    ['', 'a'],
    ['aa', 'a'],
    ['abab', 'ab'],
    ['one\ntwo\nthree', 'one\n2\nthree'],
    ['aXa', 'aa'],
    ['same', 'same']
  ])('turns %j into %j', (before, after) => {
    expect(applied(before, after)).toBe(after);
    expect(applied(after, before)).toBe(before);
  });

  it('touches nothing but what differs', () => {
    expect(difference('a: 1\nb: 2\nc: 3\n', 'a: 1\nb: 20\nc: 3\n')).toEqual({ from: 9, to: 9, insert: '0' });
  });
});

describe('lineOf', () => {
  it('tells a step from a channel of the same name', () => {
    expect(lineOf(TEXT, 'channels', 'clean')).toBe(4);
    expect(lineOf(TEXT, 'steps', 'clean')).toBe(8);
    expect(lineOf(TEXT, 'steps', 'read')).toBe(6);
  });

  it('finds nothing where nothing is written', () => {
    expect(lineOf(TEXT, 'steps', 'gone')).toBeNull();
  });
});

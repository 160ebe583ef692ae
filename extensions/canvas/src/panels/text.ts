/** What the YAML view computes: the smallest change between two texts, and marks for problems. */
import type { Diagnostic } from '@codemirror/lint';
import type { Text } from '@codemirror/state';
import type { Problem } from '../protocol';

export interface Patch {
  from: number;
  to: number;
  insert: string;
}

/** The one stretch in which two texts differ; null: they are the same. */
export function patchBetween(before: string, after: string): Patch | null {
  if (before === after) {
    return null;
  }
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) {
    start += 1;
  }
  let end = 0;
  while (end < shorter - start && before[before.length - 1 - end] === after[after.length - 1 - end]) {
    end += 1;
  }
  return { from: start, to: before.length - end, insert: after.slice(start, after.length - end) };
}

/** Marks under the lines that problems name; those without a line stand at the first. */
export function diagnosticsOf(text: Text, problems: readonly Problem[]): Diagnostic[] {
  return problems.map(problem => {
    const line = text.line(Math.max(1, Math.min(text.lines, problem.line ?? 1)));
    const indent = line.text.length - line.text.trimStart().length;
    return {
      from: line.from + indent,
      to: line.to,
      severity: problem.severity === 'note' ? 'info' : problem.severity,
      source: problem.code,
      message: problem.hint === '' ? problem.message : `${problem.message}\n${problem.hint}`
    } satisfies Diagnostic;
  });
}

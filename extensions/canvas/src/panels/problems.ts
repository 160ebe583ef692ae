/** Problems in an order to mend them, and where each one is in words. */
import type { Problem } from '../protocol';

export type Severity = Problem['severity'];
export const SEVERITIES: readonly Severity[] = ['error', 'warning', 'note'];

const PLURALS: Record<Severity, string> = { error: 'errors', warning: 'warnings', note: 'notes' };

export function countsOf(problems: readonly Problem[]): Record<Severity, number> {
  const counts = { error: 0, warning: 0, note: 0 };
  for (const problem of problems) {
    counts[problem.severity] += 1;
  }
  return counts;
}

/** `2 errors, 1 note`, or `No problems`. */
export function countsInWords(problems: readonly Problem[]): string {
  const counts = countsOf(problems);
  const words = SEVERITIES.filter(severity => counts[severity] > 0).map(
    severity => `${counts[severity]} ${counts[severity] === 1 ? severity : PLURALS[severity]}`
  );
  return words.length > 0 ? words.join(', ') : 'No problems';
}

/** `clean › actions[1] › derive › speed`; the word `steps` is left out. It counts as
 * errors elsewhere do, and the places of a trace: from 0. */
export function placeOf(path: readonly (string | number)[]): string {
  const [head, ...rest] = path;
  const from = head === 'steps' && rest.length > 0 ? rest : path;
  return from.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? key : `${text} › ${key}`),
    ''
  );
}

/** Those of the wanted severities that hold all words of the filter, worst first; else as given. */
export function filtered(problems: readonly Problem[], shown: ReadonlySet<Severity>, filter: string): Problem[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return problems
    .filter(problem => {
      const text = `${problem.code} ${problem.message} ${problem.hint} ${placeOf(problem.path)}`.toLowerCase();
      return shown.has(problem.severity) && words.every(word => text.includes(word));
    })
    .sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
}

/** The problems at a path of the document, and with `within` those below it. */
export function problemsAt(
  problems: readonly Problem[],
  path: readonly (string | number)[],
  within = false
): Problem[] {
  return problems.filter(
    problem =>
      (within ? problem.path.length >= path.length : problem.path.length === path.length) &&
      path.every((key, at) => problem.path[at] === key)
  );
}

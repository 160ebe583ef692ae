/** Spools that tell something, and those that do not: every step has one for rejects, mostly empty. */
import type { SpoolInfo } from '../../protocol';

export function told(spools: readonly SpoolInfo[]): [telling: SpoolInfo[], silent: SpoolInfo[]] {
  const isSilent = ({ rejects, rows }: SpoolInfo): boolean => rejects && rows === 0;
  return [spools.filter(each => !isSilent(each)), spools.filter(isSilent)];
}

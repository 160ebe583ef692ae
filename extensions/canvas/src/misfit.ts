/** Whether this page and the server that answers it are of one release. One may be upgraded while the
 * other runs on; then what they say to each other fails anywhere, in words that nobody can make sense of. */
import { RELEASE, type Release, type Trouble } from './protocol';
import { ServiceError, type Service } from './service';

/** Ask who answers. A connection that is lost meanwhile tells nothing. */
export async function askForMisfit(service: Service, here: Release = RELEASE): Promise<Trouble | null> {
  try {
    return misfitOf(here, await service.ask('release', {}));
  } catch (reason) {
    const lost = reason instanceof ServiceError && ['disconnected', 'ended'].includes(reason.code);
    return lost ? null : misfitOf(here, null);
  }
}

/** `there` null: so old that it does not know the question. */
export function misfitOf(here: Release, there: Release | null): Trouble | null {
  if (there?.protocol === here.protocol) {
    return null;
  }
  const age = there === null ? -1 : compared(there.version, here.version);
  const runs = there === null ? 'an older lyftnb' : `lyftnb ${there.version}`;
  const message = age === 0
    ? `This page and the Jupyter server are of different builds of lyftnb ${here.version}.`
    : `This page is of lyftnb ${here.version}, and the Jupyter server runs ${runs}.`;
  const hint = age > 0
    ? 'Save what is open, and reload the page.'
    : 'Save what is open, restart the Jupyter server, and reload the page.';
  return { code: 'misfit', message, hint, where: null, facts: {}, problems: [] };
}

/** Below 0: `a` is older than `b`; what follows the numbers (`rc1`) does not count. */
function compared(a: string, b: string): number {
  const [left, right] = [a, b].map(version => version.split('.').map(part => Number.parseInt(part, 10) || 0)) as [number[], number[]];
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) {
      return difference;
    }
  }
  return 0;
}

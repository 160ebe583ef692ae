/** Deployments among the lab's running sessions: open them, pause them. */
import type { IRunningSessions } from '@jupyterlab/running';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Target } from '@lyftnb/canvas';
import type { CurrentWorkspace } from './current';
import { deploymentIcon } from './icons';
import type { Overview } from './overview';

export function runningDeployments(
  trans: TranslationBundle,
  overview: Overview,
  current: CurrentWorkspace,
  open: (target: Target) => void
): IRunningSessions.IManager {
  const pause = (deployment: string): void => {
    current.share
      ?.ask('pause', { deployment })
      .catch(reason => console.warn(`lyftnb: ${deployment} is not paused`, reason))
      .finally(() => overview.soon());
  };
  const atWork = () => overview.statuses.filter(each => each.health !== 'paused');
  return {
    name: trans.__('Deployments'),
    shutdownLabel: trans.__('Pause'),
    shutdownAllLabel: trans.__('Pause all'),
    shutdownAllConfirmationText: trans.__('Pause all deployments? They keep their places, and go on when resumed.'),
    running: () =>
      atWork().map(({ name, ref, health, health_reason }) => ({
        icon: () => deploymentIcon,
        label: () => name,
        labelTitle: () => `${ref}: ${health}${health_reason ? `, ${health_reason}` : ''}`,
        detail: () => health,
        open: () => open({ view: 'deployment', deployment: name }),
        shutdown: () => pause(name)
      })),
    shutdownAll: () => atWork().forEach(({ name }) => pause(name)),
    refreshRunning: () => overview.soon(),
    runningChanged: overview.changed
  };
}

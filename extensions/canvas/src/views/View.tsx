/** The table of views, and the one that shows whichever is asked for. */
import type { JSX } from 'react';
import { later } from '../later';
import type { Target, ViewKind, ViewName, ViewProps } from './registry';

export const VIEWS: { [V in ViewName]: ViewKind<V> } = {
  spools: {
    icon: 'spool',
    title: ({ spool }) => spool ?? 'Spools',
    component: later(async () => (await import('./SpoolBrowser')).SpoolBrowser)
  },
  monitor: {
    icon: 'monitor',
    title: ({ deployment, run }) => run ?? (deployment ? `${deployment}: runs` : 'Runs'),
    component: later(async () => (await import('./RunMonitor')).RunMonitor)
  },
  state: {
    icon: 'state',
    title: () => 'State',
    component: later(async () => (await import('./StateBrowser')).StateBrowser)
  },
  deployment: {
    icon: 'deployment',
    title: ({ deployment }) => deployment,
    component: later(async () => (await import('./DeploymentCanvas')).DeploymentCanvas)
  }
};

export function kindOf(target: Target): ViewKind {
  return VIEWS[target.view] as unknown as ViewKind;
}

export function titleOf(target: Target): string {
  return kindOf(target).title(target as never);
}

export function View(props: ViewProps): JSX.Element {
  const { component: Shown } = kindOf(props.target);
  return <Shown {...props} />;
}

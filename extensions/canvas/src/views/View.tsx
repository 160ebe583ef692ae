/** The table of views, and the one that shows whichever is asked for. */
import type { JSX } from 'react';
import { DeploymentCanvas } from './DeploymentCanvas';
import type { Target, ViewKind, ViewName, ViewProps } from './registry';
import { RunMonitor } from './RunMonitor';
import { SpoolBrowser } from './SpoolBrowser';
import { StateBrowser } from './StateBrowser';

export const VIEWS: { [V in ViewName]: ViewKind<V> } = {
  spools: { icon: 'spool', title: ({ spool }) => spool ?? 'Spools', component: SpoolBrowser },
  monitor: {
    icon: 'monitor',
    title: ({ deployment, run }) => run ?? (deployment ? `${deployment}: runs` : 'Runs'),
    component: RunMonitor
  },
  state: { icon: 'state', title: () => 'State', component: StateBrowser },
  deployment: { icon: 'deployment', title: ({ deployment }) => deployment, component: DeploymentCanvas }
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

/** Commands that open views of the workspace, and that start its manager. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification, type ICommandPalette } from '@jupyterlab/apputils';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { Target } from '@lyftnb/canvas';
import type { CurrentWorkspace } from './current';
import { monitorIcon, spoolIcon, workflowIcon } from './icons';
import { CATEGORY, Command } from './ids';
import type { Overview } from './overview';
import type { SidebarPanel } from './sidebar';
import type { Tabs } from './tabs';

export function addViewCommands(
  app: JupyterFrontEnd,
  tabs: Tabs,
  current: CurrentWorkspace,
  palette: ICommandPalette | null
): void {
  app.commands.addCommand(Command.openView, {
    label: 'Open a View of the Workspace',
    execute: ({ folder, target }) =>
      tabs.open(typeof folder === 'string' ? folder : current.folder, target as unknown as Target)
  });
  const add = (id: string, label: string, caption: string, icon: LabIcon, target: Target): void => {
    app.commands.addCommand(id, { label, caption, icon, execute: () => tabs.open(current.folder, target) });
    palette?.addItem({ command: id, category: CATEGORY });
  };
  add(Command.openSpools, 'Browse Spools', 'What the spools hold, at any snapshot, and SQL', spoolIcon, {
    view: 'spools'
  });
  add(Command.openMonitor, 'Monitor Runs', 'What runs now, and how fast', monitorIcon, { view: 'monitor' });
  add(Command.openState, 'Browse State', 'Keys, queues, locks, contexts, secrets', spoolIcon, { view: 'state' });
}

export function addWorkspaceCommands(
  app: JupyterFrontEnd,
  sidebar: SidebarPanel,
  current: CurrentWorkspace,
  overview: Overview,
  palette: ICommandPalette | null
): void {
  app.commands.addCommand(Command.showSidebar, {
    label: 'Show Workflows in the Sidebar',
    caption: 'Deployments, issues, runs, schedules and spools',
    icon: workflowIcon,
    execute: () => app.shell.activateById(sidebar.id)
  });
  app.commands.addCommand(Command.startManager, {
    label: 'Start the Manager',
    caption: 'Start the process that holds deployments, runs and spools of this workspace',
    isEnabled: () => current.share !== null && !overview.up,
    execute: async () => {
      const started = current.share?.ask('workspace', { start: true });
      if (started === undefined) {
        return;
      }
      Notification.promise(
        started.then(({ root }) => root),
        {
          pending: { message: 'Starting the manager…' },
          success: { message: root => `The manager of ${String(root)} is up.`, options: { autoClose: 3_000 } },
          error: { message: reason => (reason instanceof Error ? reason.message : String(reason)) }
        }
      );
      await started.finally(() => overview.soon());
    }
  });
  app.commands.addCommand(Command.refresh, {
    label: 'Look at the Workspace Again',
    caption: 'Ask the manager anew how everything stands',
    execute: () => overview.soon()
  });
  for (const command of [Command.showSidebar, Command.startManager, Command.refresh]) {
    palette?.addItem({ command, category: CATEGORY });
  }
}

/** Commands that open views of the workspace, and that start its manager. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification, type ICommandPalette } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { Target } from '@lyftnb/canvas';
import type { CurrentWorkspace } from './current';
import { monitorIcon, spoolIcon, workflowIcon } from './icons';
import { Command } from './ids';
import type { Overview } from './overview';
import type { SidebarPanel } from './sidebar';
import type { Tabs } from './tabs';

export function addViewCommands(
  app: JupyterFrontEnd,
  trans: TranslationBundle,
  tabs: Tabs,
  current: CurrentWorkspace,
  palette: ICommandPalette | null
): void {
  app.commands.addCommand(Command.openView, {
    label: trans.__('Open a View of the Workspace'),
    execute: ({ folder, target }) =>
      tabs.open(typeof folder === 'string' ? folder : current.folder, target as unknown as Target)
  });
  const add = (id: string, label: string, caption: string, icon: LabIcon, target: Target): void => {
    app.commands.addCommand(id, { label, caption, icon, execute: () => tabs.open(current.folder, target) });
    palette?.addItem({ command: id, category: trans.__('Workflows') });
  };
  add(
    Command.openSpools,
    trans.__('Browse Spools'),
    trans.__('What the spools hold, at any snapshot, and SQL'),
    spoolIcon,
    { view: 'spools' }
  );
  add(Command.openMonitor, trans.__('Monitor Runs'), trans.__('What runs now, and how fast'), monitorIcon, {
    view: 'monitor'
  });
  add(
    Command.openState,
    trans.__('Browse State'),
    trans.__('Keys, queues, locks, contexts, secrets'),
    spoolIcon,
    { view: 'state' }
  );
}

export function addWorkspaceCommands(
  app: JupyterFrontEnd,
  trans: TranslationBundle,
  sidebar: SidebarPanel,
  current: CurrentWorkspace,
  overview: Overview,
  palette: ICommandPalette | null
): void {
  app.commands.addCommand(Command.showSidebar, {
    label: trans.__('Show Workflows in the Sidebar'),
    caption: trans.__('Deployments, issues, runs, schedules and spools'),
    icon: workflowIcon,
    execute: () => app.shell.activateById(sidebar.id)
  });
  app.commands.addCommand(Command.startManager, {
    label: trans.__('Start the Manager'),
    caption: trans.__('Start the process that holds deployments, runs and spools of this workspace'),
    isEnabled: () => current.share !== null && !overview.up,
    execute: async () => {
      const started = current.share?.ask('workspace', { start: true });
      if (started === undefined) {
        return;
      }
      Notification.promise(
        started.then(({ root }) => root),
        {
          pending: { message: trans.__('Starting the manager…') },
          success: {
            message: root => trans.__('The manager of %1 is up.', String(root)),
            options: { autoClose: 3_000 }
          },
          error: { message: reason => (reason instanceof Error ? reason.message : String(reason)) }
        }
      );
      await started.finally(() => overview.soon());
    }
  });
  app.commands.addCommand(Command.refresh, {
    label: trans.__('Look at the Workspace Again'),
    caption: trans.__('Ask the manager anew how everything stands'),
    execute: () => overview.soon()
  });
  for (const command of [Command.showSidebar, Command.startManager, Command.refresh]) {
    palette?.addItem({ command, category: trans.__('Workflows') });
  }
}

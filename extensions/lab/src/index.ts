/** What lyftnb adds to the lab. Every plugin works without those it names as optional, so that Notebook 7,
 * which has no sidebar of ours and no launcher, gets the canvas and the widgets all the same. */
import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { IRunningSessionManagers } from '@jupyterlab/running';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';
import type { Target } from '@lyftnb/canvas';
import { Connections, IConnections } from './connections';
import { CurrentWorkspace } from './current';
import { addDocuments, addFileCommands, addNew, restoreDocuments } from './files';
import { DOMAIN } from './ids';
import { misfitTeller, Notifier } from './notifications';
import { outputs } from './outputs';
import { Overview } from './overview';
import { runningDeployments } from './running';
import { SidebarPanel, StatusItem } from './sidebar';
import { Tabs } from './tabs';
import { addViewCommands, addWorkspaceCommands } from './views';
import { registerWidgets } from './widgets';

const SETTINGS = 'lyftnb:workspace';

const connections: JupyterFrontEndPlugin<IConnections> = {
  id: 'lyftnb:connections',
  description: 'Connections to the workspaces below the server’s folder.',
  autoStart: true,
  provides: IConnections,
  activate: ({ serviceManager }: JupyterFrontEnd) =>
    new Connections(serviceManager.serverSettings, serviceManager.contents, misfitTeller())
};

const documents: JupyterFrontEndPlugin<void> = {
  id: 'lyftnb:documents',
  description: 'Opens workflow files on the canvas.',
  autoStart: true,
  requires: [IConnections],
  optional: [ITranslator, ILayoutRestorer, IDefaultFileBrowser, ILauncher, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    service: IConnections,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    browser: IDefaultFileBrowser | null,
    launcher: ILauncher | null,
    palette: ICommandPalette | null
  ) => {
    const trans = textsOf(translator);
    const tracker = addDocuments(app, service, trans);
    if (restorer) {
      restoreDocuments(tracker, restorer);
    }
    // The lab's own category, so by the name that the lab gives it.
    const other = (translator ?? nullTranslator).load('jupyterlab').__('Other');
    addNew(app, trans, browser, launcher, other, palette);
    addFileCommands(app, trans, tracker, browser, palette);
  }
};

const workspace: JupyterFrontEndPlugin<void> = {
  id: SETTINGS,
  description: 'Shows the workspace: sidebar, views, status bar, running deployments, notifications.',
  autoStart: true,
  requires: [IConnections],
  optional: [
    ITranslator,
    ILayoutRestorer,
    IDefaultFileBrowser,
    ICommandPalette,
    IStatusBar,
    IRunningSessionManagers,
    ISettingRegistry
  ],
  activate: (
    app: JupyterFrontEnd,
    service: IConnections,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    browser: IDefaultFileBrowser | null,
    palette: ICommandPalette | null,
    statusBar: IStatusBar | null,
    running: IRunningSessionManagers | null,
    registry: ISettingRegistry | null
  ) => {
    const trans = textsOf(translator);
    const current = new CurrentWorkspace(service, app.shell, browser);
    const overview = new Overview(current);
    const tabs = new Tabs(app, trans, service);
    const open = (target: Target): void => tabs.open(current.folder, target);
    const sidebar = new SidebarPanel(trans, current, open);
    const notifier = new Notifier(trans, overview, current, (folder, target) => tabs.open(folder, target));

    addViewCommands(app, trans, tabs, current, palette);
    addWorkspaceCommands(app, trans, sidebar, current, overview, palette);
    app.shell.add(sidebar, 'left', { rank: 600, type: trans.__('Workflows') });
    if (restorer) {
      restorer.add(sidebar, sidebar.id);
      tabs.restoreWith(restorer);
    }
    statusBar?.registerStatusItem('lyftnb:status', {
      item: new StatusItem(trans, overview, () => app.shell.activateById(sidebar.id)),
      align: 'left',
      rank: 5
    });
    running?.add(runningDeployments(trans, overview, current, open));
    void heedSettings(registry, current, notifier);
    void current.begin(app);
  }
};

const widgets: JupyterFrontEndPlugin<void> = {
  id: 'lyftnb:widgets',
  description: 'Shows the canvas and the other views in notebooks.',
  autoStart: true,
  activate: async (app: JupyterFrontEnd) => {
    app.docRegistry.addWidgetExtension('Notebook', outputs);
    await registerWidgets(app);
  }
};

/** What the lab says of us in the language that it is set to. The canvas and the views speak English yet. */
function textsOf(translator: ITranslator | null): TranslationBundle {
  return (translator ?? nullTranslator).load(DOMAIN);
}

async function heedSettings(
  registry: ISettingRegistry | null,
  current: CurrentWorkspace,
  notifier: Notifier
): Promise<void> {
  const settings = await registry?.load(SETTINGS);
  if (settings === undefined) {
    return;
  }
  const fix = (): void => {
    const folder = settings.get('folder').composite as string;
    current.fix(folder === '' ? null : folder);
  };
  fix();
  settings.changed.connect(fix);
  notifier.heed(settings);
}

export { IConnections };
export default [connections, documents, workspace, widgets];

/** Workflow files: their type, their editor, and what the file browser can do with them. */
import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { InputDialog, WidgetTracker, type ICommandPalette } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { FileBrowser } from '@jupyterlab/filebrowser';
import type { ILauncher } from '@jupyterlab/launcher';
import type { PanelName } from '@lyftnb/canvas';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IConnections } from './connections';
import { WorkflowDocument, WorkflowFactory, type Start } from './document';
import { workflowIcon } from './icons';
import { Command, FACTORY, FILE_TYPE, SUFFIX } from './ids';

const NAME = '[a-z][a-z0-9_]*';

export type Documents = WidgetTracker<WorkflowDocument>;

/** Register the type and the editor: at once, so that a file opened at start finds them. */
export function addDocuments(app: JupyterFrontEnd, connections: IConnections, trans: TranslationBundle): Documents {
  const tracker: Documents = new WidgetTracker({ namespace: 'lyftnb-workflows' });
  app.docRegistry.addFileType({
    name: FILE_TYPE,
    displayName: trans.__('Workflow'),
    icon: workflowIcon,
    extensions: [SUFFIX, '.workflow.yml'],
    mimeTypes: ['text/x-yaml'],
    contentType: 'file',
    fileFormat: 'text'
  });
  const factory = new WorkflowFactory(
    { name: FACTORY, label: trans.__('Workflow'), fileTypes: [FILE_TYPE], defaultFor: [FILE_TYPE], modelName: 'text' },
    connections,
    app.serviceManager.contents
  );
  factory.widgetCreated.connect((_, document) => {
    document.context.pathChanged.connect(() => void tracker.save(document));
    void tracker.add(document);
  });
  app.docRegistry.addWidgetFactory(factory);
  return tracker;
}

export function restoreDocuments(tracker: Documents, restorer: ILayoutRestorer): void {
  void restorer.restore(tracker, {
    command: 'docmanager:open',
    args: ({ context }) => ({ path: context.path, factory: FACTORY }),
    name: ({ context }) => context.path
  });
}

/** The command that makes a workflow, and the places that offer it. */
export function addNew(
  app: JupyterFrontEnd,
  trans: TranslationBundle,
  browser: FileBrowser | null,
  launcher: ILauncher | null,
  launcherCategory: string,
  palette: ICommandPalette | null
): void {
  app.commands.addCommand(Command.create, {
    label: args => (args.isPalette ? trans.__('New Workflow') : trans.__('Workflow')),
    caption: trans.__('Create a workflow and open it on the canvas'),
    icon: args => (args.isPalette ? undefined : workflowIcon),
    execute: async args => {
      const name = await nameFor(args, trans);
      if (name === null) {
        return;
      }
      const folder = typeof args.cwd === 'string' ? args.cwd : (browser?.model.path ?? '');
      const { contents } = app.serviceManager;
      // Made under its own name: a file that is renamed while the server lists its folder makes that fail,
      // and the file browser says in a window that the folder is gone.
      const path = await freePath(contents, folder, name);
      await contents.save(path, { type: 'file', format: 'text', content: `workflow: ${name}\n` });
      await app.commands.execute('docmanager:open', { path, factory: FACTORY });
    }
  });
  launcher?.add({ command: Command.create, category: launcherCategory, rank: 1 });
  palette?.addItem({ command: Command.create, category: trans.__('Workflows'), args: { isPalette: true } });
}

/** Where a workflow of this name can go: beside what is there already, it gets a number. */
async function freePath(contents: Contents.IManager, folder: string, name: string): Promise<string> {
  for (let number = 0; ; number++) {
    const path = PathExt.join(folder, `${name}${number === 0 ? '' : number}${SUFFIX}`);
    if (!(await exists(contents, path))) {
      return path;
    }
  }
}

async function exists(contents: Contents.IManager, path: string): Promise<boolean> {
  try {
    await contents.get(path, { content: false });
    return true;
  } catch (reason) {
    if ((reason as { response?: Response }).response?.status === 404) {
      return false;
    }
    throw reason;
  }
}

async function nameFor(args: ReadonlyPartialJSONObject, trans: TranslationBundle): Promise<string | null> {
  if (typeof args.name === 'string') {
    return args.name;
  }
  const answer = await InputDialog.getText({
    title: trans.__('New workflow'),
    label: trans.__('Its name: small letters, digits and _'),
    text: 'untitled',
    pattern: NAME,
    required: true,
    selectionRange: 'untitled'.length,
    okLabel: trans.__('Create')
  });
  return answer.button.accept && answer.value ? answer.value : null;
}

/** What can be done with a workflow: from the file browser's menu, or with the one that is open. */
export function addFileCommands(
  app: JupyterFrontEnd,
  trans: TranslationBundle,
  tracker: Documents,
  browser: FileBrowser | null,
  palette: ICommandPalette | null
): void {
  const chosen = (): string | null => {
    const item = browser?.selectedItems().next().value;
    return item !== undefined && /\.workflow\.ya?ml$/.test(item.name) ? item.path : null;
  };
  const add = (id: string, label: string, caption: string, start: Start): void => {
    app.commands.addCommand(id, {
      label,
      caption,
      icon: workflowIcon,
      isEnabled: args => args.fromBrowser !== true || chosen() !== null,
      execute: args => show(app, tracker, args.fromBrowser === true ? chosen() : null, start)
    });
    palette?.addItem({ command: id, category: trans.__('Workflows') });
  };
  const panel = (name: PanelName): Start => ({ panel: name });
  add(Command.openFile, trans.__('Open on the Canvas'), trans.__('Open the workflow on the canvas'), {});
  add(
    Command.traceFile,
    trans.__('Run & Trace'),
    trans.__('Run the draft on a sample and see the rows at each step'),
    { trace: true }
  );
  add(
    Command.publishFile,
    trans.__('Publish, Plan, Apply…'),
    trans.__('Show its versions, and what applying would change'),
    panel('plan')
  );
  add(
    Command.showProblems,
    trans.__('Show Problems'),
    trans.__('Show what is wrong with the workflow'),
    panel('problems')
  );
  add(Command.showText, trans.__('Show as YAML'), trans.__('Show the text beside the canvas'), panel('text'));
}

async function show(
  app: JupyterFrontEnd,
  tracker: Documents,
  path: string | null,
  start: Start
): Promise<void> {
  if (path === null) {
    tracker.currentWidget?.content.open(start);
    return;
  }
  const document = await app.commands.execute('docmanager:open', { path, factory: FACTORY });
  if (document instanceof WorkflowDocument) {
    document.content.open(start);
  }
}

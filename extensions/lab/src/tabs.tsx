/** Views in tabs of the main area: the same target opens the same tab, and a reload brings it back. */
import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, type LabIcon } from '@jupyterlab/ui-components';
import { keyOf, kindOf, titleOf, View, type Target } from '@lyftnb/canvas';
import type { Share } from './connection';
import type { IConnections } from './connections';
import { deploymentIcon, monitorIcon, spoolIcon } from './icons';
import { Command } from './ids';

const ICONS: Record<string, LabIcon> = {
  spool: spoolIcon,
  monitor: monitorIcon,
  deployment: deploymentIcon,
  state: spoolIcon
};

export class ViewPanel extends ReactWidget {
  private readonly share: Share;

  constructor(
    readonly folder: string,
    readonly target: Target,
    connections: IConnections,
    private readonly open: (target: Target) => void
  ) {
    super();
    this.addClass('lyftnb-ViewPanel');
    this.share = connections.open(folder);
  }

  override dispose(): void {
    if (!this.isDisposed) {
      super.dispose();
      this.share.dispose();
    }
  }

  protected override render(): JSX.Element {
    return <View service={this.share} target={this.target as never} open={this.open} />;
  }
}

export class Tabs {
  private readonly tracker = new WidgetTracker<MainAreaWidget<ViewPanel>>({ namespace: 'lyftnb-views' });

  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly trans: TranslationBundle,
    private readonly connections: IConnections
  ) {}

  restoreWith(restorer: ILayoutRestorer): void {
    void restorer.restore(this.tracker, {
      command: Command.openView,
      args: ({ content }) => ({ folder: content.folder, target: content.target }),
      name: ({ content }) => nameOf(content.folder, content.target)
    });
  }

  open(folder: string, target: Target): void {
    const name = nameOf(folder, target);
    const known = this.tracker.find(({ content }) => nameOf(content.folder, content.target) === name);
    if (known !== undefined) {
      this.app.shell.activateById(known.id);
      return;
    }
    const panel = new ViewPanel(folder, target, this.connections, next => this.open(folder, next));
    const tab = new MainAreaWidget({ content: panel });
    tab.toolbar.hide();
    tab.id = `lyftnb-view-${name}`;
    tab.title.label = titleOf(target);
    tab.title.caption = folder === '' ? titleOf(target) : this.trans.__('%1 in %2', titleOf(target), folder);
    tab.title.icon = ICONS[kindOf(target).icon];
    tab.title.closable = true;
    this.app.shell.add(tab, 'main');
    void this.tracker.add(tab);
    this.app.shell.activateById(tab.id);
  }
}

function nameOf(folder: string, target: Target): string {
  return `${folder}:${keyOf(target)}`;
}

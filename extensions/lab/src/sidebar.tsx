/** The panel at the left, and the item in the status bar. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Sidebar, type Target } from '@lyftnb/canvas';
import type { CurrentWorkspace } from './current';
import { workflowIcon } from './icons';
import type { Overview } from './overview';

export class SidebarPanel extends ReactWidget {
  /** Whether anybody has ever looked: nothing is fetched or asked for before. */
  private seen = false;

  constructor(
    private readonly trans: TranslationBundle,
    private readonly current: CurrentWorkspace,
    private readonly open: (target: Target) => void
  ) {
    super();
    this.id = 'lyftnb-sidebar';
    this.addClass('lyftnb-SidebarPanel');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Workflows'));
    this.title.icon = workflowIcon;
    this.title.caption = trans.__('Workflows: deployments, issues, runs');
    current.changed.connect(() => this.update());
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.update();
  }

  protected override render(): JSX.Element {
    const { share, folder } = this.current;
    this.seen ||= this.isVisible;
    return (
      <>
        <h2 className="lyftnb-Sidebar-title" title={folder || this.trans.__('The server’s own folder')}>
          {folder.split('/').at(-1) || this.trans.__('Workspace')}
        </h2>
        {this.seen && share && <Sidebar key={folder} service={share} open={this.open} />}
      </>
    );
  }
}

/** "✓ 3 deployments", or what is wrong; a click shows the sidebar. */
export class StatusItem extends ReactWidget {
  constructor(
    private readonly trans: TranslationBundle,
    private readonly overview: Overview,
    private readonly showSidebar: () => void
  ) {
    super();
    this.addClass('lyftnb-StatusItem');
    overview.changed.connect(() => this.update());
  }

  protected override render(): JSX.Element | null {
    const { trans } = this;
    const { up, statuses, issues } = this.overview;
    if (!up) {
      return null;
    }
    const healthy = statuses.filter(each => each.health !== 'degraded').length;
    const well = healthy === statuses.length && issues.length === 0;
    const words = [
      trans._n('%2/%1 deployment', '%2/%1 deployments', statuses.length, healthy),
      issues.length > 0 ? trans._n('%1 issue', '%1 issues', issues.length) : null
    ];
    return (
      <button
        type="button"
        className="lyftnb-StatusItem-button"
        title={trans.__('Deployments that are not degraded, and open issues. Click for the sidebar.')}
        onClick={this.showSidebar}
      >
        <span aria-hidden="true">{well ? '✓' : '!'}</span> {words.filter(Boolean).join(', ')}
      </button>
    );
  }
}

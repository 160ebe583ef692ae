/** Tells of new issues, and of runs that ended, with a way to their cause; and of a server that does not fit. */
import { Notification } from '@jupyterlab/apputils';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { TranslationBundle } from '@jupyterlab/translation';
import { causeOf, type Issue, type Run, type Target, type Trouble } from '@lyftnb/canvas';
import type { CurrentWorkspace } from './current';
import type { Overview } from './overview';

type Wanted = 'all' | 'bad' | 'none';

const KINDS = { error: 'error', warning: 'warning', note: 'info' } as const;
const BAD_ENDS: readonly Run['status'][] = ['blocked', 'failed', 'lost'];

export class Notifier {
  private issues: Wanted = 'bad';
  private runs: Wanted = 'bad';
  /** Workspace folder → issue → what was said of it. */
  private readonly said = new Map<string, Map<number, string>>();

  constructor(
    private readonly trans: TranslationBundle,
    private readonly overview: Overview,
    private readonly current: CurrentWorkspace,
    private readonly open: (folder: string, target: Target) => void
  ) {
    overview.issueRaised.connect((_, issue) => this.tellIssue(issue));
    overview.runEnded.connect((_, run) => this.tellRun(run));
    overview.changed.connect(() => this.takeBack());
  }

  heed(settings: ISettingRegistry.ISettings): void {
    const read = (): void => {
      this.issues = settings.get('notifyIssues').composite as Wanted;
      this.runs = settings.get('notifyRuns').composite as Wanted;
    };
    read();
    settings.changed.connect(read);
  }

  private tellIssue(issue: Issue): void {
    if (!wanted(this.issues, issue.severity !== 'note')) {
      return;
    }
    const told = this.tell(`${issue.place}: ${issue.cause}`, KINDS[issue.severity], causeOf(issue));
    const { folder } = this.current;
    this.said.set(folder, (this.said.get(folder) ?? new Map<number, string>()).set(issue.id, told));
  }

  /** What is mended needs nobody's eye any more. */
  private takeBack(): void {
    if (!this.overview.up) {
      return;
    }
    const said = this.said.get(this.current.folder) ?? new Map<number, string>();
    for (const [issue, notification] of said) {
      if (!this.overview.issues.some(each => each.id === issue)) {
        Notification.dismiss(notification);
        said.delete(issue);
      }
    }
  }

  private tellRun(run: Run): void {
    const bad = BAD_ENDS.includes(run.status);
    // Runs of one stage that go well are too many to tell of: each piece of data is one.
    if (!wanted(this.runs, bad) || (!bad && run.stage != null)) {
      return;
    }
    const { deployment, status, note } = run;
    const words = `${run.run}: ${status}${note ? `, ${note}` : ''}`;
    this.tell(words, bad ? 'error' : 'success', { view: 'monitor', deployment, run: run.run });
  }

  /** The way leads to where it happened, whichever workspace is looked at by then. */
  private tell(message: string, type: Notification.TypeOptions, target: Target): string {
    const { folder } = this.current;
    return Notification.emit(message, type, {
      autoClose: type === 'error' ? false : 8_000,
      actions: [{ label: this.trans.__('Show'), displayType: 'accent', callback: () => this.open(folder, target) }]
    });
  }
}

/** Tells once that page and server do not fit, whichever connections find it out, until they do. */
export function misfitTeller(): (misfit: Trouble | null) => void {
  let told: { message: string; id: string } | null = null;
  return misfit => {
    const message = misfit === null ? null : `${misfit.message} ${misfit.hint}`;
    if (message === (told?.message ?? null)) {
      return;
    }
    if (told !== null) {
      Notification.dismiss(told.id);
    }
    told = message === null ? null : { message, id: Notification.error(message, { autoClose: false }) };
  };
}

function wanted(setting: Wanted, bad: boolean): boolean {
  return setting === 'all' || (setting === 'bad' && bad);
}

/** What the status bar, the running sessions and the notifications know of the current workspace. */
import type { DeploymentStatus, Issue, Run } from '@lyftnb/canvas';
import { Throttler } from '@lumino/polling';
import { Signal, type ISignal } from '@lumino/signaling';
import type { Share } from './connection';
import type { CurrentWorkspace } from './current';

const LOOK_MS = 1_000;
const AGAIN_MS = 5_000;

/** Kept up to date by news; asks nothing of a workspace whose manager is down. */
export class Overview {
  up = false;
  statuses: readonly DeploymentStatus[] = [];
  issues: readonly Issue[] = [];
  readonly changed: ISignal<this, void>;
  readonly issueRaised: ISignal<this, Issue>;
  readonly runEnded: ISignal<this, Run>;
  private readonly changes = new Signal<this, void>(this);
  private readonly raised = new Signal<this, Issue>(this);
  private readonly ended = new Signal<this, Run>(this);
  private readonly look = new Throttler(() => this.refresh(), { limit: LOOK_MS, edge: 'trailing' });
  private share: Share | null = null;
  private watched = false;

  constructor(current: CurrentWorkspace) {
    this.changed = this.changes;
    this.issueRaised = this.raised;
    this.runEnded = this.ended;
    current.changed.connect((_, share) => this.follow(share));
    setInterval(() => {
      if (!this.up && !document.hidden) {
        this.soon();
      }
    }, AGAIN_MS);
  }

  soon(): void {
    // A look that fails, fails while the connection is lost: the next connection looks again.
    this.look.invoke().catch(() => this.forget());
  }

  private follow(share: Share): void {
    this.share = share;
    this.forget();
    share.onConnection(connected => (connected ? this.soon() : this.forget()));
    share.on('workspace', () => this.soon());
    share.on('status', statuses => {
      this.statuses = statuses;
      this.changes.emit();
    });
    share.on('issue', issue => {
      if (issue.closed_at == null && !this.issues.some(each => each.id === issue.id)) {
        // Known from now on: it may have more news before the next look.
        this.issues = [...this.issues, issue];
        this.raised.emit(issue);
      }
      this.soon();
    });
    share.on('run', run => {
      if (run.ended_at != null) {
        this.ended.emit(run);
      }
    });
  }

  private async refresh(): Promise<void> {
    const { share } = this;
    if (share === null || share.isDisposed) {
      return;
    }
    const { state } = await share.ask('workspace', {});
    if (state !== 'up') {
      this.forget();
      return;
    }
    if (!this.watched) {
      await share.ask('watch', { deployments: null });
      this.watched = true;
    }
    const [statuses, issues] = await Promise.all([
      share.ask('deployments', { limit: 1000 }),
      share.ask('issues', { limit: 1000 })
    ]);
    if (share === this.share) {
      this.up = true;
      this.statuses = statuses;
      this.issues = issues;
      this.changes.emit();
    }
  }

  private forget(): void {
    this.up = false;
    this.watched = false;
    this.statuses = [];
    this.issues = [];
    this.changes.emit();
  }
}

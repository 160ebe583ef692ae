/** Which workspace the sidebar, the status bar and new tabs are about. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { FileBrowser } from '@jupyterlab/filebrowser';
import { Debouncer } from '@lumino/polling';
import { Signal, type ISignal } from '@lumino/signaling';
import type { Share } from './connection';
import type { IConnections } from './connections';

const SETTLE_MS = 300;

/** Follows the file browser, until the settings name a folder.
 *
 * Within one workspace, whichever folder the browser shows is the same one. */
export class CurrentWorkspace {
  readonly changed: ISignal<this, Share>;
  private readonly signal = new Signal<this, Share>(this);
  private readonly look = new Debouncer(() => this.follow(), SETTLE_MS);
  private shown: { folder: string; share: Share } | null = null;
  private fixed: string | null = null;

  constructor(
    private readonly connections: IConnections,
    private readonly browser: FileBrowser | null
  ) {
    this.changed = this.signal;
    browser?.model.pathChanged.connect(() => void this.look.invoke());
  }

  /** Settle on a folder for good; null: follow the browser again. */
  fix(folder: string | null): void {
    this.fixed = folder;
    void this.look.invoke();
  }

  async begin(app: JupyterFrontEnd): Promise<void> {
    await app.restored;
    await this.follow();
  }

  get share(): Share | null {
    return this.shown?.share ?? null;
  }

  get folder(): string {
    return this.shown?.folder ?? '';
  }

  private async follow(): Promise<void> {
    // A file of the folder that is shown: its workspace is the folder's.
    const path = this.fixed ?? this.browser?.model.path ?? '';
    const folder = await this.connections.folderOf(path === '' ? 'any' : `${path}/any`);
    if (this.shown?.folder === folder) {
      return;
    }
    const before = this.shown;
    this.shown = { folder, share: this.connections.open(folder) };
    this.signal.emit(this.shown.share);
    before?.share.dispose();
  }
}

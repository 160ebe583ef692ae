/** Which workspace the sidebar, the status bar and new tabs are about. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget } from '@jupyterlab/apputils';
import { DocumentWidget } from '@jupyterlab/docregistry';
import type { FileBrowser } from '@jupyterlab/filebrowser';
import { Debouncer } from '@lumino/polling';
import { Signal, type ISignal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';
import type { Share } from './connection';
import type { IConnections } from './connections';
import { ViewPanel } from './tabs';

const SETTLE_MS = 300;

/** Follows what a person looks at. The first of these that there is, decides:
 *
 * 1. the folder that the settings name;
 * 2. the workspace that the file browser's folder lies in, however deep;
 * 3. the workspace of what is in front: a document's, or a view's. What belongs to no workspace, as a
 *    launcher or a terminal, changes nothing: the one before it stays, until the browser goes elsewhere;
 * 4. the file browser's folder, in which a workspace may be made. */
export class CurrentWorkspace {
  readonly changed: ISignal<this, Share>;
  private readonly signal = new Signal<this, Share>(this);
  private readonly look = new Debouncer(() => this.follow(), SETTLE_MS);
  private shown: { folder: string; share: Share } | null = null;
  private fixed: string | null = null;
  /** The workspace of what was in front last, since the browser has been where it is. */
  private before: string | null = null;
  private looks = 0;

  constructor(
    private readonly connections: IConnections,
    private readonly shell: JupyterFrontEnd.IShell,
    private readonly browser: FileBrowser | null
  ) {
    this.changed = this.signal;
    browser?.model.pathChanged.connect(() => {
      this.before = null;
      void this.look.invoke();
    });
    shell.currentChanged?.connect(() => void this.look.invoke());
  }

  /** Settle on a folder for good; null: follow again. */
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
    this.looks += 1;
    const look = this.looks;
    const folder = await this.found();
    // Folders are looked into meanwhile: a later look knows better.
    if (look !== this.looks || this.shown?.folder === folder) {
      return;
    }
    const before = this.shown;
    this.shown = { folder, share: this.connections.open(folder) };
    this.signal.emit(this.shown.share);
    before?.share.dispose();
  }

  private async found(): Promise<string> {
    if (this.fixed !== null) {
      return this.connections.folderOf(within(this.fixed));
    }
    const browsed = within(this.browser?.model.path ?? '');
    const around = await this.connections.workspaceOf(browsed);
    if (around !== null) {
      return around;
    }
    const path = pathOf(this.shell.currentWidget);
    const inFront = path === null ? null : await this.connections.workspaceOf(path);
    this.before = inFront ?? this.before;
    return this.before ?? this.connections.folderOf(browsed);
  }
}

/** A file of a folder, whose workspace is the folder's. */
function within(folder: string): string {
  return folder === '' ? 'any' : `${folder}/any`;
}

function pathOf(widget: Widget | null): string | null {
  if (widget instanceof DocumentWidget) {
    return widget.context.path;
  }
  const view = widget instanceof MainAreaWidget ? widget.content : null;
  return view instanceof ViewPanel ? within(view.folder) : null;
}

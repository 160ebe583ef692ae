/** The canvas as a document of the lab: one file, its context, and the editor over them. */
import { ReactWidget } from '@jupyterlab/ui-components';
import { ABCWidgetFactory, DocumentWidget, type DocumentRegistry } from '@jupyterlab/docregistry';
import type { Contents } from '@jupyterlab/services';
import { fetchEditor, WorkflowEditor, type EditorApi, type PanelName } from '@lyftnb/canvas';
import { Poll } from '@lumino/polling';
import { UUID } from '@lumino/coreutils';
import type { Message } from '@lumino/messaging';
import { createRef, type MutableRefObject } from 'react';
import type { IConnections } from './connections';
import type { Share } from './connection';
import { workflowIcon } from './icons';

const DISK_MS = 3_000;

type Context = DocumentRegistry.CodeContext;

/** What a document is opened with, where more is wanted than the canvas. */
export interface Start {
  panel?: PanelName;
  trace?: boolean;
}

export class WorkflowPanel extends ReactWidget {
  private readonly api = createRef() as MutableRefObject<EditorApi | null>;
  private readonly disk: Poll;
  /** Two views of one file are two drafts over one connection. */
  private readonly draft = UUID.uuid4();
  private share: Share | null = null;
  private folder = '';
  private start: Start | undefined;
  /** What the file held when it was last read or written: what edits on both sides came of. */
  private saved = '';
  private exchanging = false;

  constructor(
    private readonly context: Context,
    private readonly connections: IConnections,
    private readonly contents: Contents.IManager
  ) {
    super();
    this.addClass('lyftnb-Document');
    // The lab gives the focus to this node where it knows nothing better, as when a window of its own closes.
    this.node.addEventListener('focus', () => this.api.current?.focus());
    this.disk = new Poll({
      auto: false,
      name: `lyftnb:disk:${context.path}`,
      factory: () => this.lookAtDisk(),
      frequency: { interval: DISK_MS, backoff: true, max: 60_000 },
      standby: () => !this.isVisible || document.hidden
    });
    this.saveWithAllEdits();
    // On its way while the file is; a failure is told of where the editor would be.
    fetchEditor().catch(() => undefined);
    void this.begin();
  }

  /** Show a panel, or trace; also before the editor is there. */
  open(start: Start): void {
    const api = this.api.current;
    if (api === null) {
      this.start = { ...this.start, ...start };
      return;
    }
    if (start.panel !== undefined) {
      api.openPanel(start.panel);
    }
    if (start.trace === true) {
      api.trace();
    }
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this.disk.dispose();
    super.dispose();
    this.share?.dispose();
  }

  protected override render(): JSX.Element | null {
    if (this.share === null) {
      return null;
    }
    return (
      <WorkflowEditor
        apiRef={this.api}
        autoFocus={this.isVisible}
        draft={this.draft}
        file={relative(this.context.localPath, this.folder)}
        mode="edit"
        readOnly={this.context.model.readOnly}
        service={this.share}
        start={this.start}
        text={this.context.model.toString()}
        onEdit={() => this.noteEdit()}
        onText={text => this.write(text)}
      />
    );
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    // The lab may activate what is at work already, as after a reload.
    if (!this.node.contains(document.activeElement) || document.activeElement === this.node) {
      this.api.current?.focus();
    }
  }

  private async begin(): Promise<void> {
    const folder = this.connections.folderOf(this.context.path);
    await this.context.ready;
    this.folder = await folder;
    if (this.isDisposed) {
      return;
    }
    this.share = this.connections.open(this.folder);
    this.saved = this.context.model.toString();
    this.context.model.contentChanged.connect(this.read, this);
    this.context.saveState.connect(this.noteSave, this);
    this.update();
    void this.disk.start();
  }

  /** Edits come before their text does, which takes a connection: to leave would lose them. */
  private noteEdit(): void {
    this.context.model.dirty = true;
  }

  /** The canvas has changed the text. */
  private write(text: string): void {
    const { model } = this.context;
    if (text === model.toString()) {
      return;
    }
    this.exchanging = true;
    model.fromString(text);
    this.exchanging = false;
    this.noteEdit(); // the lab does not see it by itself when all of the text is replaced
  }

  /** Somebody else has changed the text: another view, or a revert. */
  private read(): void {
    if (!this.exchanging) {
      this.api.current?.setText(this.context.model.toString());
    }
  }

  private noteSave(_: Context, state: DocumentRegistry.SaveState): void {
    if (state === 'completed') {
      this.saved = this.context.model.toString();
    }
  }

  /** The lab saves what the model holds at once; edits that are on their way to it come first. */
  private saveWithAllEdits(): void {
    const save = this.context.save.bind(this.context);
    this.context.save = async () => {
      const text = this.isDisposed ? undefined : await this.api.current?.flush();
      if (text !== undefined) {
        this.write(text);
      }
      await save();
    };
  }

  private async lookAtDisk(): Promise<void> {
    const known = this.context.contentsModel?.last_modified;
    const { last_modified: now } = await this.contents.get(this.context.path, { content: false });
    if (known === undefined || this.isDisposed || Date.parse(now) <= Date.parse(known)) {
      return;
    }
    const unsaved = this.context.model.dirty;
    const base = this.saved;
    this.exchanging = true;
    try {
      await this.api.current?.flush();
      await this.context.revert();
    } finally {
      this.exchanging = false;
    }
    const theirs = this.context.model.toString();
    this.saved = theirs;
    this.api.current?.setText(theirs, unsaved ? base : undefined);
  }
}

export class WorkflowDocument extends DocumentWidget<WorkflowPanel, DocumentRegistry.ICodeModel> {}

export class WorkflowFactory extends ABCWidgetFactory<WorkflowDocument, DocumentRegistry.ICodeModel> {
  constructor(
    options: DocumentRegistry.IWidgetFactoryOptions<WorkflowDocument>,
    private readonly connections: IConnections,
    private readonly contents: Contents.IManager
  ) {
    super(options);
  }

  protected createNewWidget(context: Context): WorkflowDocument {
    const content = new WorkflowPanel(context, this.connections, this.contents);
    const widget = new WorkflowDocument({ content, context });
    widget.title.icon = workflowIcon;
    widget.toolbar.hide(); // the canvas has its own, in notebooks, too
    return widget;
  }
}

function relative(path: string, folder: string): string {
  return folder !== '' && path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;
}

/** The canvas and the other views in a notebook's output, over the widget's comm. */
import { DOMWidgetModel, DOMWidgetView, type ISerializers } from '@jupyter-widgets/base';
import {
  Dialogue,
  View,
  WorkflowEditor,
  type EditorApi,
  type Target,
  type WorkflowEditorProps
} from '@lyftnb/canvas';
import { createRef, type JSX, type MutableRefObject } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { listenToKernel } from './kernel';
import { MODULE, VERSION } from './module';

type Kind = 'editor' | 'show' | 'trace' | 'plan' | 'monitor' | 'spools';

/** What a widget shows: which of these it names depends on the view. */
interface Subject {
  draft?: string;
  text?: string;
  /** The text that it was made of. */
  base?: string;
  file?: string;
  deployment?: string;
  run?: string;
  spool?: string;
  ref?: string;
  context?: string;
  name?: string;
}

const DEFAULT_HEIGHT_PX: Record<Kind, number> = {
  editor: 560,
  show: 420,
  trace: 620,
  plan: 620,
  monitor: 320,
  spools: 520
};

export class StudioModel extends DOMWidgetModel {
  static override serializers: ISerializers = { ...DOMWidgetModel.serializers };

  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      _model_name: 'StudioModel',
      _model_module: MODULE,
      _model_module_version: VERSION,
      _view_name: 'StudioView',
      _view_module: MODULE,
      _view_module_version: VERSION,
      view: 'show',
      subject: {},
      height: 0
    };
  }
}

export class StudioView extends DOMWidgetView {
  private dialogue!: Dialogue;
  private forgetKernel: () => void = () => undefined;
  private root: Root | null = null;
  private readonly api = createRef() as MutableRefObject<EditorApi | null>;
  private inner!: HTMLDivElement;
  /** The text that this view has, and has told of. */
  private text: string | undefined;

  override render(): void {
    super.render();
    this.dialogue = new Dialogue(question => this.send({ ...question }), this.cid);
    this.listenTo(this.model, 'msg:custom', (content: unknown) => this.dialogue.receive(content));
    this.listenTo(this.model, 'comm_live_update', () => this.noteComm());
    this.listenTo(this.model, 'change:subject', this.takeSubject);
    this.listenTo(this.model, 'change:view', this.draw);
    this.listenTo(this.model, 'change:height', this.size);
    this.el.dataset.jpSuppressContextMenu = '';
    this.el.addEventListener('keydown', keepFromNotebook);
    // ipywidgets owns the style of the outer element: the height is the inner one's.
    this.inner = document.createElement('div');
    this.inner.className = 'lyftnb-Widget-inner';
    // A click anywhere in the widget takes the keys away from the notebook.
    this.inner.tabIndex = -1;
    this.el.append(this.inner);
    this.root = createRoot(this.inner);
    this.size();
    this.noteComm();
    this.draw();
    this.forgetKernel = listenToKernel(this.model, {
      connection: connected => this.dialogue.setConnected(connected && this.model.comm_live),
      ended: how => this.end(how)
    });
  }

  override remove(): void {
    this.forgetKernel();
    this.root?.unmount();
    this.root = null;
    this.dialogue.setConnected(false);
    super.remove();
  }

  private noteComm(): void {
    const live = this.model.comm_live;
    this.dialogue.setConnected(live);
    if (live) {
      // Until somebody answers for it, the output shows the picture that was saved.
      this.el.classList.add('lyftnb-Widget');
    }
  }

  /** Python has forgotten all of it; a picture that nobody has brought to life stays as it is. */
  private end(how: string): void {
    if (this.el.classList.contains('lyftnb-Widget')) {
      this.dialogue.end(`${how}: Python knows nothing of this view any more.`, 'Run its cell again for a new one.');
    }
  }

  private size(): void {
    const height = Number(this.model.get('height')) || DEFAULT_HEIGHT_PX[this.kind()];
    this.inner.style.height = `${height}px`;
  }

  private kind(): Kind {
    return this.model.get('view') as Kind;
  }

  private subject(): Subject {
    return this.model.get('subject') as Subject;
  }

  /** Python has another subject: another text of the same draft goes into the editor that is there. */
  private takeSubject(): void {
    const before = (this.model.previous('subject') ?? {}) as Subject;
    const { draft, text, base } = this.subject();
    if (this.api.current !== null && draft === before.draft && text !== undefined) {
      // What was made of another text than ours crossed it on the way: one with both changes follows.
      if (text !== this.text && (base === undefined || base === this.text)) {
        this.api.current.setText(text, this.text);
        this.text = text;
      }
      return;
    }
    this.draw();
  }

  private draw(): void {
    this.text = this.subject().text;
    this.root?.render(this.content());
  }

  private content(): JSX.Element {
    const subject = this.subject();
    const kind = this.kind();
    if (kind === 'monitor' || kind === 'spools') {
      const target = { ...subject, view: kind } as Target;
      return <View key={JSON.stringify(target)} service={this.dialogue} target={target as never} />;
    }
    return <WorkflowEditor key={`${kind} ${subject.draft}`} {...this.editorProps(kind, subject)} />;
  }

  private editorProps(kind: Kind, subject: Subject): WorkflowEditorProps {
    const { draft = this.cid, text = '', file, deployment, ref, context, name } = subject;
    const editable = kind === 'editor' || kind === 'trace';
    return {
      service: this.dialogue,
      draft,
      text,
      file,
      deployment,
      mode: editable ? 'edit' : 'show',
      start: {
        ...(kind === 'trace' ? { panel: 'trace', trace: true } : {}),
        ...(kind === 'plan' ? { panel: 'plan', plan: ref === undefined ? undefined : { ref, context, name } } : {})
      },
      apiRef: this.api,
      onText: editable ? changed => this.keep(changed) : undefined
    };
  }

  /** Keep the text with the widget: for its other views, and for a page that is loaded again. */
  private keep(text: string): void {
    const subject = this.subject();
    const base = this.text;
    this.text = text;
    if (base !== text) {
      this.model.set('subject', { ...subject, text, base });
      this.model.save_changes();
    }
  }
}

/** Typed on the canvas, a letter would run a shortcut of the notebook; saving and copying may. */
function keepFromNotebook(event: KeyboardEvent): void {
  const key = event.key.toLowerCase();
  const accel = event.ctrlKey || event.metaKey;
  if (!(accel && (key === 's' || (event.shiftKey && key === 'c')))) {
    event.stopPropagation();
  }
}

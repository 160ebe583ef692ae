/** One editor over one draft: its document, history, selection and what is painted, without React.
 *
 * Each change is made here at once and sent after; the service's answers bring the problems, and
 * with some delay the schemas, the plan, the text and a running trace. */
import { changesBetween } from '../graph/changes';
import { graphOf } from '../graph/graph';
import { applyOps } from '../graph/ops';
import type { MakePlan, Numbers, Op, Palette, Problem, Schemas, Shape, Trouble } from '../protocol';
import { ServiceError, type Service } from '../service';
import { DraftLink } from './draftLink';
import { counted } from './format';
import { EMPTY, recorded, redone, undone, type History, type Step } from './history';
import { Live } from './live';
import type { Document, Overlay, PanelName, Part, TraceFocus } from './model';
import { Debounced } from './debounced';
import { partExists } from './parts';

export interface SessionState {
  document: Document | null;
  revision: number;
  palette: Palette | null;
  schemas: Schemas | null;
  shape: Shape | null;
  problems: readonly Problem[];
  settled: boolean;
  connected: boolean;
  ended: Trouble | null;
  selection: readonly Part[];
  overlay: Overlay;
  panel: PanelName | null;
  traceFocus: TraceFocus | null;
  tracing: boolean;
  traceTrouble: Trouble | null;
  history: History;
  /** Where edits here and in the file changed the same; to be told until dismissed. */
  conflicts: readonly (readonly (string | number)[])[];
  /** What the live region says, and a toast shows. */
  message: { text: string; kind: 'info' | 'error' | 'spoken'; number: number } | null;
  /** The path that was asked for last; `number` grows with each asking. */
  revealed: { path: Problem['path']; number: number } | null;
}

export interface SessionOptions {
  service: Service;
  draft: string;
  text: string;
  file: string | null;
  readOnly: boolean;
  /** Show what is applied, not a draft. */
  deployment: string | null;
  onText(text: string): void;
  /** Something was changed; its text comes later. */
  onEdit(): void;
}

const TEXT_MS = 200;
const SCHEMAS_MS = 150;
const PLAN_MS = 300;
const TRACE_MS = 500;

/** The palette that was told last: what an editor begins with until its own comes. Between workspaces only
 * worker groups and paths of files differ. */
let lastPalette: Palette | null = null;

export class Session {
  readonly live = new Live();
  /** The newest ones of each deployment: what does not move has no news. */
  private readonly numbers = new Map<string, Numbers>();
  private state: SessionState;
  private readonly listeners = new Set<() => void>();
  private readonly link: DraftLink;
  private readonly leaving: (() => void)[] = [];
  private readonly later = {
    text: new Debounced(TEXT_MS, () => this.tellText()),
    schemas: new Debounced(SCHEMAS_MS, () => this.askSchemas()),
    plan: new Debounced(PLAN_MS, () => this.askPlan()),
    trace: new Debounced(TRACE_MS, () => this.askTrace())
  };
  private rows = 20;
  /** The text that the host holds. */
  private told: string;
  /** The document that it was made of; null: another than any here. */
  private toldOf: Document | null = null;
  /** What the document was when its text could last be read. */
  private readable: Document | null = null;
  private messages = 0;
  private traces = 0;

  constructor(readonly options: SessionOptions) {
    this.told = options.text;
    this.state = {
      document: null, revision: 0, palette: lastPalette, schemas: null, shape: null, problems: [],
      settled: false, connected: true, ended: null, selection: [], overlay: { kind: 'none' }, panel: null,
      traceFocus: null, tracing: false, traceTrouble: null, history: EMPTY, conflicts: [], message: null, revealed: null
    };
    this.link = new DraftLink(options.service, options.draft, options.text, options.file, {
      document: () => this.state.document,
      taken: (document, shape) => this.taken(document, shape ?? this.state.shape),
      validated: (revision, problems, settled) => this.validated(revision, problems, settled),
      failed: error => this.fail(error)
    });
  }

  get = (): SessionState => this.state;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Begin; the returned function ends it. */
  start(): () => void {
    const { service, deployment } = this.options;
    this.leaving.push(
      service.onConnection((connected, ended) => this.connection(connected, ended)),
      service.on('progress', numbers => this.progress(numbers)),
      service.on('workspace', ({ state }) => state !== 'up' && this.forgetNumbers())
    );
    const drawn =
      deployment === null
        ? this.open().catch((error: unknown) => this.fail(error))
        : this.showDeployment(deployment);
    // The palette is large, and nobody waits for it: the graph comes first.
    void drawn
      .then(() => service.ask('palette', {}))
      .then(
        palette => {
          lastPalette = palette;
          this.set({ palette });
        },
        (error: unknown) => this.fail(error)
      );
    return () => this.stop();
  }

  edit(ops: readonly Op[], label: string, options: { merge?: string; select?: readonly Part[] } = {}): void {
    const { document, history } = this.state;
    if (document === null || this.options.readOnly || this.state.ended !== null || ops.length === 0) {
      return;
    }
    const { document: next, inverse } = applyOps(document, ops);
    const step: Step = { label, ops, inverse, merge: options.merge ?? null, at: performance.now() };
    this.set({ history: recorded(history, step) });
    this.change(next, ops, options.select);
  }

  undo(): void {
    const found = undone(this.state.history);
    if (found === null) {
      this.announce('There is nothing to undo.');
    } else if (this.state.document !== null) {
      this.set({ history: found.history });
      this.change(applyOps(this.state.document, found.step.inverse).document, found.step.inverse);
      this.announce(`Undone: ${found.step.label}`);
    }
  }

  redo(): void {
    const found = redone(this.state.history);
    if (found === null) {
      this.announce('There is nothing to do again.');
    } else if (this.state.document !== null) {
      this.set({ history: found.history });
      this.change(applyOps(this.state.document, found.step.ops).document, found.step.ops);
      this.announce(`Done again: ${found.step.label}`);
    }
  }

  select(selection: readonly Part[]): void {
    this.set({ selection });
  }

  reveal(path: Problem['path']): void {
    const number = (this.state.revealed?.number ?? 0) + 1;
    this.set({ selection: [partAt(path)], revealed: { path, number } });
  }

  setOverlay(overlay: Overlay): void {
    this.set({ overlay });
    this.drawNumbers();
  }

  showDraft(): void {
    if (this.options.deployment !== null) {
      return;
    }
    this.setOverlay({ kind: 'none' });
    if (this.state.panel === 'live') {
      this.set({ panel: null }); // it would paint what runs again
    }
  }

  openPanel(panel: PanelName | null): void {
    this.set({ panel });
    if (panel !== 'live' && this.state.overlay.kind === 'live') {
      this.showDraft();
    }
  }

  focusTrace(traceFocus: TraceFocus | null): void {
    this.set({ traceFocus });
  }

  trace(rows?: number): void {
    this.rows = rows ?? this.rows;
    this.openPanel('trace');
    void this.askTrace();
  }

  /** Open with the plan of a published version. */
  showPlan(asked: MakePlan): void {
    this.set({ panel: 'plan' });
    void this.options.service.ask('plan', asked).then(
      plan => this.setOverlay({ kind: 'plan', plan }),
      (error: unknown) => this.fail(error)
    );
  }

  /** The text view's text takes the place of the document; it can be undone like any edit. */
  async replaceText(text: string): Promise<void> {
    if (!this.options.readOnly) {
      await this.link.replace(text);
      this.options.onEdit();
    }
  }

  /** The host's text: with `base`, brought together with the edits here. */
  async setText(text: string, base?: string): Promise<void> {
    try {
      this.told = text;
      if (base === undefined) {
        await this.link.replace(text);
        this.toldOf = this.state.document;
        return;
      }
      const conflicts = await this.link.merge(base, text);
      this.set({ conflicts });
      this.announce(
        conflicts.length === 0
          ? 'What was changed elsewhere is here, too'
          : `Changed elsewhere where it was here, too: ${counted(conflicts.length, 'change')} of yours ${conflicts.length === 1 ? 'stands' : 'stand'}`
      );
    } catch (error) {
      this.fail(error);
    }
  }

  /** The text with all edits. */
  async flush(): Promise<string> {
    this.later.text.cancel();
    if (this.options.deployment === null) {
      const { document } = this.state;
      this.told = await this.link.newestText();
      this.toldOf = document;
    }
    return this.told;
  }

  /** All that is here as a workflow's text, with nobody there to write it: as it was written last, or,
   * with edits since, as JSON, which YAML reads too. */
  get kept(): string {
    const { document } = this.state;
    return document === null || document === this.toldOf ? this.told : `${JSON.stringify(document, null, 2)}\n`;
  }

  dismissConflicts(): void {
    this.set({ conflicts: [] });
  }

  announce(text: string, kind: 'info' | 'error' | 'spoken' = 'info'): void {
    this.messages += 1;
    this.set({ message: { text, kind, number: this.messages } });
  }

  private change(document: Document, ops: readonly Op[], select?: readonly Part[]): void {
    const selection = select ?? this.state.selection.filter(part => partExists(document, part));
    this.set({ document, settled: false, selection });
    this.options.onEdit();
    this.staleTrace();
    this.link.change(ops);
  }

  /** Another document: what was done before can be undone through it. */
  private taken(document: Document | null, shape: Shape | null): void {
    const before = this.state.document ?? this.readable;
    this.readable = document ?? before;
    if (before !== null && document !== null) {
      const ops = changesBetween(before, document);
      if (ops.length > 0) {
        const { inverse } = applyOps(before, ops);
        const step: Step = { label: 'edit of the text', ops, inverse, merge: 'text', at: performance.now() };
        this.set({ history: recorded(this.state.history, step) });
      }
    }
    const { selection } = this.state;
    this.set({ document, shape, selection: document === null ? selection : selection.filter(part => partExists(document, part)) });
    this.staleTrace();
  }

  private validated(revision: number, problems: readonly Problem[], settled: boolean): void {
    const first = this.state.revision === 0;
    this.set({ revision, problems, settled });
    if (!settled) {
      return;
    }
    this.later.schemas.soon();
    if (!first) {
      this.later.text.soon();
    }
    if (problems.every(problem => problem.severity !== 'error')) {
      if (!first || this.state.shape?.revision !== revision) {
        this.later.plan.soon();
      }
      if (this.state.overlay.kind === 'trace') {
        this.later.trace.soon();
      }
    }
  }

  private async tellText(): Promise<void> {
    try {
      const { document } = this.state;
      const text = await this.link.newestText();
      this.toldOf = document;
      if (text !== this.told) {
        this.told = text;
        this.options.onText(text);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  private async askSchemas(): Promise<void> {
    const { service, draft } = this.options;
    await this.quietly(async () => this.set({ schemas: await this.link.after(() => service.ask('draft.schemas', { draft })) }));
  }

  private async askPlan(): Promise<void> {
    const { service, draft } = this.options;
    await this.quietly(async () => this.set({ shape: await this.link.after(() => service.ask('draft.plan', { draft })) }));
  }

  private async askTrace(): Promise<void> {
    const { service, draft } = this.options;
    this.traces += 1; // a later one cancels the one before
    this.set({ tracing: true });
    try {
      await this.link.after(() => Promise.resolve());
      const trace = await service.ask('trace.run', { draft, rows: this.rows });
      const overlay: Overlay = { kind: 'trace', trace, stale: trace.revision !== this.link.revision };
      this.set({ overlay, traceTrouble: null });
    } catch (error) {
      this.traceFailed(error);
    } finally {
      this.traces -= 1;
      this.set({ tracing: this.traces > 0 });
    }
  }

  private traceFailed(error: unknown): void {
    if (!(error instanceof ServiceError)) {
      this.fail(error);
    } else if (error.trouble.problems.length > 0) {
      this.set({ panel: 'problems' });
      this.announce('A workflow with errors cannot be traced: they are listed below', 'error');
    } else if (error.code !== 'cancelled') {
      this.set({ traceTrouble: error.trouble });
    }
  }

  private async open(): Promise<void> {
    await this.link.open();
    this.toldOf = this.state.document;
  }

  private async showDeployment(deployment: string): Promise<void> {
    try {
      const view = await this.options.service.ask('deployment', { deployment });
      this.set({ document: view.document, shape: view.shape, settled: true, panel: this.state.panel ?? 'live' });
      this.setOverlay({ kind: 'live', view });
    } catch (error) {
      this.fail(error);
    }
  }

  private staleTrace(): void {
    const { overlay } = this.state;
    if (overlay.kind === 'trace' && !overlay.stale) {
      this.set({ overlay: { ...overlay, stale: true } });
    }
  }

  private progress(numbers: Numbers): void {
    const { overlay } = this.state;
    const { deployment } = numbers.progress;
    this.numbers.set(deployment, numbers);
    if (overlay.kind === 'live' && overlay.view.deployment.name === deployment) {
      this.drawNumbers();
    }
  }

  /** Nobody says any more how things stand. */
  private forgetNumbers(): void {
    this.numbers.clear();
    this.drawNumbers();
  }

  private drawNumbers(): void {
    const { overlay } = this.state;
    if (overlay.kind === 'live') {
      const { document, shape, deployment } = overlay.view;
      this.live.update(graphOf(document, shape), shape, this.numbers.get(deployment.name) ?? null);
    } else {
      this.live.update({ nodes: [], edges: [], regions: [] }, null, null);
    }
  }

  private connection(connected: boolean, ended: Trouble | null): void {
    const back = connected && !this.state.connected;
    this.set({ connected, ended });
    if (!connected) {
      this.forgetNumbers();
    }
    if (back && this.options.deployment === null) {
      this.link.reconnect();
    }
  }

  /** What cannot be had right now is had after the next change; the problems say why. */
  private async quietly(job: () => Promise<void>): Promise<void> {
    try {
      await job();
    } catch (error) {
      if (!(error instanceof ServiceError)) {
        throw error;
      }
    }
  }

  private fail(error: unknown): void {
    if (error instanceof ServiceError && (error.code === 'disconnected' || error.code === 'ended')) {
      return; // the banner says so, and all is sent again when the connection is back
    }
    const { trouble } = error instanceof ServiceError ? error : { trouble: null };
    const hint = trouble?.hint ? `: ${trouble.hint}` : '';
    this.announce(error instanceof Error ? `${error.message}${hint}` : String(error), 'error');
  }

  private stop(): void {
    Object.values(this.later).forEach(debounced => debounced.cancel());
    this.leaving.splice(0).forEach(leave => leave());
    if (this.options.deployment === null) {
      this.link.close();
    }
  }

  private set(change: Partial<SessionState>): void {
    this.state = { ...this.state, ...change };
    this.listeners.forEach(listener => listener());
  }
}

/** The part that a path leads into. */
function partAt(path: Problem['path']): Part {
  const [section, name] = path;
  if (section === 'steps' && typeof name === 'string') {
    return { kind: 'step', name };
  }
  return section === 'channels' && typeof name === 'string' ? { kind: 'channel', name } : { kind: 'workflow' };
}

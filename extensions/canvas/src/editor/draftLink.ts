/** A draft at the service, kept in step with the document here.
 *
 * Questions about it go one after the other. When the service has lost it (a restart, a new
 * connection), it is opened anew with the newest text, and what differs from the document here is
 * sent after it: nothing that was edited is lost. */
import { changesBetween } from '../graph/changes';
import { applyOps } from '../graph/ops';
import type { DraftState, Op, OpenedDraft, Problem, Shape } from '../protocol';
import { ServiceError, type Service } from '../service';
import type { Document } from './model';

export interface DraftListener {
  /** The document here, which edits change at once. */
  document(): Document | null;
  /** Another document takes its place: the text was opened, replaced or merged. A plan comes with it, if it
   * is known already. */
  taken(document: Document | null, shape?: Shape | null): void;
  /** The service has looked at all changes up to a revision. */
  validated(revision: number, problems: readonly Problem[], settled: boolean): void;
  failed(error: unknown): void;
}

export class DraftLink {
  /** The newest text that both sides know. */
  text: string;
  revision = 0;
  private queue: Op[] = [];
  private work: Promise<unknown> = Promise.resolve();
  private draining = false;
  private lost = true;
  private closed = false;

  constructor(
    private readonly service: Service,
    private readonly draft: string,
    text: string,
    private readonly file: string | null,
    private readonly listener: DraftListener
  ) {
    this.text = text;
  }

  /** Open it for the first time. */
  open(): Promise<void> {
    return this.inTurn(async () => {
      const { state, shape } = await this.ask(this.text);
      this.lost = false;
      this.listener.taken(state.document, shape);
      this.validated(state);
    });
  }

  /** Send changes that the document here has taken already. */
  change(ops: readonly Op[]): void {
    this.queue.push(...ops);
    if (!this.draining) {
      this.draining = true;
      void this.inTurn(() => this.drain()).catch((error: unknown) => this.listener.failed(error));
    }
  }

  /** Give it another text. */
  replace(text: string): Promise<void> {
    return this.inTurn(async () => {
      await this.drain();
      const state = await this.withRevision(revision =>
        this.service.ask('draft.replace', { draft: this.draft, revision, text })
      );
      this.text = text;
      this.take(state);
    });
  }

  /** Bring it together with what became of its file; the answer: where both changed the same. */
  merge(base: string, theirs: string): Promise<(string | number)[][]> {
    return this.inTurn(async () => {
      await this.drain();
      const { state, conflicts } = await this.withRevision(revision =>
        this.service.ask('draft.merge', { draft: this.draft, revision, base, theirs })
      );
      this.take(state);
      return conflicts;
    });
  }

  /** The text with all changes so far. */
  newestText(): Promise<string> {
    return this.inTurn(async () => {
      await this.drain();
      const { text } = await this.service.ask('draft.text', { draft: this.draft });
      this.text = text;
      return text;
    });
  }

  /** Ask something else about the draft, once all changes so far are there. */
  after<T>(question: () => Promise<T>): Promise<T> {
    return this.inTurn(async () => {
      await this.drain();
      return question();
    });
  }

  /** The connection is back: the service may know the draft no more. */
  reconnect(): void {
    this.lost = true;
    this.change([]);
  }

  /** The service is told that the draft is no longer needed; an answer changes nothing. */
  close(): void {
    this.closed = true;
    void this.inTurn(() => this.service.ask('draft.close', { draft: this.draft })).catch(() => undefined);
  }

  private inTurn<T>(job: () => Promise<T>): Promise<T> {
    const done = this.work.then(job);
    this.work = done.catch(() => undefined);
    return done;
  }

  private async drain(): Promise<void> {
    this.draining = false;
    while (!this.closed && (this.lost || this.queue.length > 0)) {
      if (this.lost) {
        await this.openAnew();
      }
      const ops = this.queue;
      this.queue = [];
      if (ops.length > 0) {
        await this.send(ops);
      }
    }
  }

  private async send(ops: Op[]): Promise<void> {
    try {
      const { draft, revision } = this;
      this.validated(await this.service.ask('draft.change', { draft, revision, ops }));
    } catch (error) {
      this.lost = true;
      if (error instanceof ServiceError && isForgotten(error)) {
        return;
      }
      throw error;
    }
  }

  /** Open the newest text, and make of its document the one that is here. */
  private async openAnew(): Promise<void> {
    const { state } = await this.ask(this.text);
    this.lost = false;
    const here = this.listener.document();
    if (here === null || state.document === null) {
      this.queue = [];
      this.take(state);
      return;
    }
    this.queue = changesBetween(state.document, here);
    this.validated(state);
  }

  private async ask(text: string): Promise<OpenedDraft> {
    const opened = await this.service.ask('draft.open', { draft: this.draft, text, file: this.file });
    this.revision = opened.state.revision;
    return opened;
  }

  private async withRevision<T>(question: (revision: number) => Promise<T>): Promise<T> {
    try {
      return await question(this.revision);
    } catch (error) {
      if (!(error instanceof ServiceError && isForgotten(error))) {
        throw error;
      }
      this.lost = true;
      await this.drain();
      return question(this.revision);
    }
  }

  /** Another document; edits made while it was on its way are made on it, as far as they fit. */
  private take(state: DraftState): void {
    let document = state.document;
    const fitting: Op[] = [];
    for (const op of document === null ? [] : this.queue) {
      try {
        document = applyOps(document as Document, [op]).document;
        fitting.push(op);
      } catch {
        continue; // its place is gone
      }
    }
    this.queue = fitting;
    this.listener.taken(document);
    this.validated(state);
  }

  private validated(state: DraftState): void {
    this.revision = state.revision;
    this.listener.validated(state.revision, state.problems, this.queue.length === 0);
  }
}

function isForgotten(error: ServiceError): boolean {
  return error.code === 'unknown_draft' || error.code === 'stale_draft';
}

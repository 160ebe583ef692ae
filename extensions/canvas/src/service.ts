/** What a view asks of the workspace, whoever answers: JupyterLab's server or a notebook's kernel. */
import type { Answers, News, Questions, Trouble } from './protocol';

/** `ended`: why it has gone for good, and what to do now; null: it may come back. */
export type ConnectionListener = (connected: boolean, ended: Trouble | null) => void;

export interface Service {
  /** Ask, and wait for the answer.
   *
   * Rejects with a `ServiceError`: what `lyftnb.errors` says, or `disconnected` when nobody is there
   * to answer. */
  ask<Q extends keyof Questions>(
    op: Q,
    params: Questions[Q],
    options?: { signal?: AbortSignal }
  ): Promise<Answers[Q]>;
  /** Hear news of a topic until the returned function is called. */
  on<T extends keyof News>(topic: T, listener: (data: News[T]) => void): () => void;
  /** Hear when the connection comes and goes; called at once with how it stands. */
  onConnection(listener: ConnectionListener): () => void;
  /** Once it is known: why this page and who answers may not understand each other; null: they do. */
  readonly misfit?: Promise<Trouble | null>;
}

/** An answer that is none. */
export class ServiceError extends Error {
  readonly trouble: Trouble;

  constructor(trouble: Trouble) {
    super(trouble.message);
    this.name = 'ServiceError';
    this.trouble = trouble;
  }

  get code(): string {
    return this.trouble.code;
  }
}

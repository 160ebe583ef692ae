/** The protocol over any channel that carries JSON objects: a websocket, or a widget's comm. */
import type { Answers, News, Questions, Trouble } from './protocol';
import { ServiceError, type ConnectionListener, type Service } from './service';

/** What goes out. */
export interface Question {
  id: number | string;
  op: string;
  params: unknown;
}

interface Pending {
  resolve(result: unknown): void;
  reject(reason: ServiceError): void;
}

type Standing = 'connecting' | 'connected' | 'disconnected' | 'ended';

/** Gives questions numbers, brings answers to their askers, and news to whoever hears them.
 *
 * Questions that are asked before the channel is there for the first time are held until it is; later
 * ones fail at once while it is away, so that nobody waits for an answer that cannot come. */
export class Dialogue implements Service {
  private readonly pending = new Map<number | string, Pending>();
  private readonly listeners = new Map<string, Set<(data: unknown) => void>>();
  private readonly connectionListeners = new Set<ConnectionListener>();
  private readonly held: Question[] = [];
  private standing: Standing = 'connecting';
  private ending: Trouble | null = null;
  private last = 0;

  /** `prefix` tells the questions of several dialogues over one channel apart. */
  constructor(
    private readonly send: (question: Question) => void,
    private readonly prefix: string | null = null
  ) {}

  ask<Q extends keyof Questions>(
    op: Q,
    params: Questions[Q],
    options: { signal?: AbortSignal } = {}
  ): Promise<Answers[Q]> {
    if (this.standing === 'disconnected' || this.standing === 'ended') {
      return Promise.reject(this.refusal());
    }
    if (options.signal?.aborted) {
      return Promise.reject(cancelled());
    }
    this.last += 1;
    const id = this.prefix === null ? this.last : `${this.prefix}-${this.last}`;
    return new Promise<Answers[Q]>((resolve, reject) => {
      this.pending.set(id, { resolve: result => resolve(result as Answers[Q]), reject });
      options.signal?.addEventListener(
        'abort',
        () => {
          if (this.pending.delete(id)) {
            reject(cancelled());
          }
        },
        { once: true }
      );
      this.dispatch({ id, op, params });
    });
  }

  on<T extends keyof News>(topic: T, listener: (data: News[T]) => void): () => void {
    const listeners = this.listeners.get(topic) ?? new Set();
    this.listeners.set(topic, listeners);
    const heard = (data: unknown): void => listener(data as News[T]);
    listeners.add(heard);
    return () => listeners.delete(heard);
  }

  onConnection(listener: ConnectionListener): () => void {
    this.connectionListeners.add(listener);
    listener(this.standing === 'connected', this.ending);
    return () => this.connectionListeners.delete(listener);
  }

  /** Take what came in; what is no answer to a question of ours, and no news, is let pass. */
  receive(message: unknown): void {
    if (typeof message !== 'object' || message === null) {
      return;
    }
    const { id, topic, data, result, problem } = message as Record<string, unknown>;
    if (typeof topic === 'string') {
      for (const listener of [...(this.listeners.get(topic) ?? [])]) {
        listener(data);
      }
      return;
    }
    const asked = this.pending.get(id as number | string);
    if (asked === undefined) {
      return;
    }
    this.pending.delete(id as number | string);
    if (problem !== undefined && problem !== null) {
      asked.reject(new ServiceError(problem as Trouble));
    } else {
      asked.resolve(result);
    }
  }

  /** Say that the channel has come, or gone: what was asked over it gets no answer any more. */
  setConnected(connected: boolean): void {
    this.become(connected ? 'connected' : 'disconnected');
  }

  /** Say that it has gone for good: why, and what whoever looks at it may do. */
  end(message: string, hint: string): void {
    this.ending ??= trouble('ended', message, hint);
    this.become('ended');
  }

  private become(standing: Standing): void {
    if (standing === this.standing || this.standing === 'ended') {
      return;
    }
    this.standing = standing;
    const connected = standing === 'connected';
    if (connected) {
      this.held.splice(0).forEach(question => this.send(question));
    } else {
      this.held.length = 0;
      const waiting = [...this.pending.values()];
      this.pending.clear();
      waiting.forEach(each => each.reject(this.refusal()));
    }
    this.connectionListeners.forEach(listener => listener(connected, this.ending));
  }

  private refusal(): ServiceError {
    return this.ending === null ? disconnected() : new ServiceError(this.ending);
  }

  private dispatch(question: Question): void {
    if (this.standing === 'connecting') {
      this.held.push(question);
    } else {
      this.send(question);
    }
  }
}

export function disconnected(): ServiceError {
  return new ServiceError(
    trouble('disconnected', 'There is no connection to the workspace.', 'It is tried again by itself.')
  );
}

function cancelled(): ServiceError {
  return new ServiceError(trouble('cancelled', 'Nobody waits for this answer any more.', null));
}

function trouble(code: string, message: string, hint: string | null): Trouble {
  return { code, message, hint, where: null, facts: {}, problems: [] };
}

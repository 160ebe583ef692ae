/** One websocket to the workspace of a folder, shared by all views of it. */
import { URLExt } from '@jupyterlab/coreutils';
import type { ServerConnection } from '@jupyterlab/services';
import {
  askForMisfit,
  Dialogue,
  type Answers,
  type ConnectionListener,
  type News,
  type Questions,
  type Service,
  type Trouble
} from '@lyftnb/canvas';
import type { IDisposable } from '@lumino/disposable';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/** A view's own share of a connection: a `Service` whose watching ends with it. */
export interface Share extends Service, IDisposable {}

type Watched = readonly string[] | null;

/** Connects, and connects again after ever longer pauses until it is disposed. */
export class Connection implements IDisposable {
  isDisposed = false;
  private readonly dialogue = new Dialogue(question => this.socket?.send(JSON.stringify(question)));
  private readonly watchers = new Map<Share, Watched>();
  private socket: WebSocket | null = null;
  private timer: number | undefined;
  private wait = FIRST_WAIT_MS;
  private greeting: Promise<Trouble | null>;

  /** `heard` is told, with each connection, whether this page fits who answers. */
  constructor(
    readonly folder: string,
    private readonly settings: ServerConnection.ISettings,
    private readonly heard: (misfit: Trouble | null) => void
  ) {
    window.addEventListener('online', this.hurry);
    this.connect();
    // Held until it is connected, and the first question then.
    this.greeting = this.greet();
  }

  get misfit(): Promise<Trouble | null> {
    return this.greeting;
  }

  /** `ended` is called once, when the share is disposed. */
  share(ended: () => void): Share {
    return new SharedService(this, this.dialogue, ended);
  }

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this.isDisposed = true;
    window.removeEventListener('online', this.hurry);
    window.clearTimeout(this.timer);
    this.socket?.close();
    this.dialogue.setConnected(false);
  }

  /** Note what a share wants to hear of; what all of them want together is asked for. */
  async watch(share: Share, deployments: Watched): Promise<void> {
    this.watchers.set(share, deployments);
    await this.askForNews();
  }

  async unwatch(share: Share): Promise<void> {
    if (this.watchers.delete(share)) {
      await this.askForNews();
    }
  }

  private async askForNews(): Promise<void> {
    const wanted = [...this.watchers.values()];
    if (wanted.length === 0) {
      await this.dialogue.ask('unwatch', {});
      return;
    }
    const named = wanted.some(each => each === null)
      ? null
      : [...new Set(wanted.flatMap(each => each ?? []))];
    await this.dialogue.ask('watch', { deployments: named });
  }

  private async greet(): Promise<Trouble | null> {
    const misfit = await askForMisfit(this.dialogue);
    if (!this.isDisposed) {
      this.heard(misfit);
    }
    return misfit;
  }

  private connect(again = false): void {
    const socket = new this.settings.WebSocket(this.address());
    this.socket = socket;
    socket.onopen = () => {
      this.wait = FIRST_WAIT_MS;
      this.dialogue.setConnected(true);
      if (again) {
        this.greeting = this.greet(); // it may be another server, upgraded meanwhile
      }
      if (this.watchers.size > 0) {
        this.askForNews().catch(reason => console.warn('lyftnb: no news of the workspace', reason));
      }
    };
    socket.onmessage = event => this.dialogue.receive(parsed(event.data));
    socket.onclose = () => {
      if (this.isDisposed || this.socket !== socket) {
        return;
      }
      this.socket = null;
      this.dialogue.setConnected(false);
      this.timer = window.setTimeout(() => this.connect(true), this.wait * (0.75 + Math.random() / 2));
      this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
    };
  }

  /** The network is back: do not wait any longer. */
  private readonly hurry = (): void => {
    if (this.socket === null && !this.isDisposed) {
      window.clearTimeout(this.timer);
      this.wait = FIRST_WAIT_MS;
      this.connect(true);
    }
  };

  private address(): string {
    const query: Record<string, string> = { path: this.folder };
    if (this.settings.appendToken && this.settings.token) {
      query.token = this.settings.token;
    }
    return (
      URLExt.join(this.settings.wsUrl, 'lyftnb', 'studio') + URLExt.objectToQueryString(query)
    );
  }
}

class SharedService implements Share {
  isDisposed = false;
  private readonly ends = new Set<() => void>();

  constructor(
    private readonly connection: Connection,
    private readonly dialogue: Dialogue,
    private readonly ended: () => void
  ) {}

  ask<Q extends keyof Questions>(
    op: Q,
    params: Questions[Q],
    options?: { signal?: AbortSignal }
  ): Promise<Answers[Q]> {
    if (op === 'watch') {
      const { deployments } = params as Questions['watch'];
      return this.connection.watch(this, deployments ?? null).then(() => null as Answers[Q]);
    }
    if (op === 'unwatch') {
      return this.connection.unwatch(this).then(() => null as Answers[Q]);
    }
    return this.dialogue.ask(op, params, options);
  }

  on<T extends keyof News>(topic: T, listener: (data: News[T]) => void): () => void {
    return this.until(this.dialogue.on(topic, listener));
  }

  onConnection(listener: ConnectionListener): () => void {
    return this.until(this.dialogue.onConnection(listener));
  }

  get misfit(): Promise<Trouble | null> {
    return this.connection.misfit;
  }

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this.isDisposed = true;
    this.ends.forEach(end => end());
    // It may be away; then it forgets what is watched by itself.
    this.connection.unwatch(this).catch(() => undefined);
    this.ended();
  }

  private until(end: () => void): () => void {
    const once = (): void => {
      this.ends.delete(once);
      end();
    };
    this.ends.add(once);
    return once;
  }
}

function parsed(data: unknown): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    return null;
  }
}

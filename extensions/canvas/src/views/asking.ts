/** Hooks that ask a service and hear its news. */
import { useCallback, useEffect, useRef, useState } from 'react';
import type { Answers, News, Questions, Trouble, Workspace } from '../protocol';
import { ServiceError, type Service } from '../service';

const LOOK_AGAIN_MS = 5_000;
/** News come in bursts: a listing is asked for so long after the first of them. */
const PAUSE_MS = 500;

export interface Asked<T> {
  answer: T | null;
  trouble: Trouble | null;
  asking: boolean;
  again(): void;
}

/** Ask, and again when the parameters change, when one of the topics has news, and on demand.
 *
 * `params` null: there is nothing to ask now. The answer before stays until the next is there. */
export function useAnswer<Q extends keyof Questions>(
  service: Service,
  op: Q,
  params: Questions[Q] | null,
  topics: readonly (keyof News)[] = []
): Asked<Answers[Q]> {
  const [answer, setAnswer] = useState<Answers[Q] | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const [asking, setAsking] = useState(false);
  const asker = useRef<() => void>(() => undefined);
  const again = useCallback(() => asker.current(), []);
  const key = JSON.stringify(params);

  useEffect(() => {
    if (params === null) {
      setAnswer(null);
      setTrouble(null);
      return undefined;
    }
    const control = new AbortController();
    const { signal } = control;
    const ask = async (): Promise<void> => {
      try {
        setAnswer(await service.ask(op, params, { signal }));
        setTrouble(null);
      } catch (reason) {
        if (!signal.aborted) {
          setTrouble(troubleOf(reason));
        }
      }
    };
    asker.current = oneAtATime(ask, signal, setAsking);
    asker.current();
    return () => {
      control.abort();
      asker.current = () => undefined;
    };
    // `key` stands for params.
  }, [service, op, key]);

  useNews(service, topics, again);
  useReturn(service, again);
  return { answer, trouble, asking, again };
}

/** Calls that come while one is under way become one more after it: news may come faster than answers. */
export function oneAtATime(
  act: () => Promise<void>,
  signal: AbortSignal,
  busy: (now: boolean) => void
): () => void {
  let under = false;
  let wanted = false;
  const begin = (): void => {
    if (under || signal.aborted) {
      wanted = true;
      return;
    }
    under = true;
    wanted = false;
    busy(true);
    void act().finally(() => {
      under = false;
      if (!signal.aborted) {
        busy(false);
        if (wanted) {
          begin();
        }
      }
    });
  };
  return begin;
}

/** Call back when any of the topics has had news; many at once are one call. */
function useNews(service: Service, topics: readonly (keyof News)[], heard: () => void): void {
  const key = topics.join(' ');
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        heard();
      }, PAUSE_MS);
    };
    const ends = topics.map(topic => service.on(topic, soon));
    return () => {
      ends.forEach(end => end());
      clearTimeout(timer);
    };
    // `key` stands for topics.
  }, [service, key, heard]);
}

/** Call back when the connection has come back. */
function useReturn(service: Service, returned: () => void): void {
  useEffect(() => {
    let first = true;
    const end = service.onConnection(connected => {
      if (connected && !first) {
        returned();
      }
      first = false;
    });
    return end;
  }, [service, returned]);
}

/** How the connection stands; `ended`: why it does not come back. */
export function useConnected(service: Service): { connected: boolean; ended: Trouble | null } {
  const [standing, setStanding] = useState<{ connected: boolean; ended: Trouble | null }>({ connected: true, ended: null });
  useEffect(() => service.onConnection((connected, ended) => setStanding({ connected, ended })), [service]);
  return standing;
}

export interface Standing {
  workspace: Workspace | null;
  trouble: Trouble | null;
  starting: boolean;
  start(): void;
}

/** How the workspace stands. Looking starts nothing; `start` does. */
export function useWorkspace(service: Service): Standing {
  const asked = useAnswer(service, 'workspace', {}, ['workspace']);
  const [starting, setStarting] = useState(false);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const { answer, again } = asked;
  const down = answer?.state !== 'up';

  useEffect(() => {
    if (!down) {
      return undefined;
    }
    const timer = setInterval(again, LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [down, again]);

  const start = useCallback(() => {
    setStarting(true);
    setTrouble(null);
    service
      .ask('workspace', { start: true })
      .then(again, reason => setTrouble(troubleOf(reason)))
      .finally(() => setStarting(false));
  }, [service, again]);
  return { workspace: answer, trouble: trouble ?? asked.trouble, starting, start };
}

/** Hear the news of a workspace (of these deployments, or of all) while a view is shown. */
export function useWatching(service: Service, wanted: boolean, deployment?: string): void {
  useEffect(() => {
    if (!wanted) {
      return undefined;
    }
    const begin = (): void => {
      const deployments = deployment === undefined ? null : [deployment];
      service.ask('watch', { deployments }).catch(() => undefined); // the listings tell of trouble
    };
    const end = service.onConnection(connected => {
      if (connected) {
        begin();
      }
    });
    return () => {
      end();
      service.ask('unwatch', {}).catch(() => undefined);
    };
  }, [service, wanted, deployment]);
}

/** Do something once, with a word on how it went: for buttons. */
export function useDoing(): {
  doing: boolean;
  trouble: Trouble | null;
  run(what: () => Promise<unknown>): void;
} {
  const [doing, setDoing] = useState(false);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const shown = useRef(true);
  useEffect(() => {
    shown.current = true;
    return () => {
      shown.current = false;
    };
  }, []);
  const run = useCallback((what: () => Promise<unknown>) => {
    setDoing(true);
    setTrouble(null);
    what()
      .catch(reason => shown.current && setTrouble(troubleOf(reason)))
      .finally(() => shown.current && setDoing(false));
  }, []);
  return { doing, trouble, run };
}

export function troubleOf(reason: unknown): Trouble {
  if (reason instanceof ServiceError) {
    return reason.trouble;
  }
  const message = reason instanceof Error ? reason.message : String(reason);
  return { code: 'unexpected', message, hint: null, where: null, facts: {}, problems: [] };
}

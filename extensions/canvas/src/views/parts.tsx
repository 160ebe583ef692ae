/** Small parts that all views share. */
import { useEffect, useId, useReducer, useRef, useState, type JSX, type KeyboardEvent, type ReactNode } from 'react';
import type { DeploymentStatus, Run, StageProgress, Trouble } from '../protocol';
import type { Service } from '../service';
import { useConnected, useWorkspace } from './asking';
import { ago, moment } from './format';

const LOOKS_MS = 10_000;

/** Signs stand beside the word: colour is never the only one that tells. */
const SIGNS = {
  healthy: '✓',
  synced: '✓',
  done: '✓',
  progressing: '▶',
  running: '▶',
  queued: '…',
  waiting: '…',
  retrying: '↻',
  degraded: '!',
  drifted: '≠',
  blocked: '✕',
  failed: '✕',
  lost: '✕',
  error: '✕',
  warning: '!',
  note: 'i',
  paused: '‖',
  cancelled: '–',
  skipped: '–'
} as const;

export type State =
  | DeploymentStatus['health']
  | DeploymentStatus['sync']
  | NonNullable<Run['status']>
  | StageProgress['state']
  | 'error'
  | 'warning'
  | 'note';

export function Badge({ state, reason }: { state: State; reason?: string }): JSX.Element {
  return (
    <span className="lyftnb-Badge" data-state={state} title={reason || undefined}>
      <span aria-hidden="true">{SIGNS[state]}</span> {state}
    </span>
  );
}

/** How long ago a time is, which grows while it is looked at. */
export function Moment({ time }: { time: string }): JSX.Element {
  const [, look] = useReducer((looks: number) => looks + 1, 0);
  useEffect(() => {
    const timer = setInterval(look, LOOKS_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <time dateTime={time} title={moment(time)}>
      {ago(time)}
    </time>
  );
}

interface PagerProps {
  offset: number;
  /** Rows on a page. */
  size: number;
  /** Whether there are rows behind this page. */
  more: boolean;
  go: (offset: number) => void;
  /** Which rows these are. */
  children?: ReactNode;
}

/** The way from page to page. */
export function Pager({ offset, size, more, go, children }: PagerProps): JSX.Element {
  return (
    <>
      <button type="button" className="lyftnb-Small" disabled={offset === 0} onClick={() => go(Math.max(offset - size, 0))}>
        Before
      </button>
      {children}
      <button type="button" className="lyftnb-Small" disabled={!more} onClick={() => go(offset + size)}>
        Next
      </button>
    </>
  );
}

export function TroubleNote({ trouble }: { trouble: Trouble | null }): JSX.Element | null {
  if (trouble === null || trouble.code === 'disconnected' || trouble.code === 'ended') {
    return null; // whoever shows a view shows the lost connection, once
  }
  return (
    <div className="lyftnb-Trouble" role="alert">
      <strong>{trouble.message}</strong>
      {trouble.where && <span> ({trouble.where})</span>}
      {trouble.hint && <p>{trouble.hint}</p>}
    </div>
  );
}

/** What is shown is as it was: nobody answers any more. */
function Ended({ trouble }: { trouble: Trouble }): JSX.Element {
  return (
    <p className="lyftnb-Lost" role="alert">
      {trouble.message} {trouble.hint}
    </p>
  );
}

export function Empty({ children }: { children: ReactNode }): JSX.Element {
  return <p className="lyftnb-Empty">{children}</p>;
}

/** Shows its children once the manager is up; else how to get there. */
export function WhenUp({ service, children }: { service: Service; children: ReactNode }): JSX.Element {
  const { workspace, trouble, starting, start } = useWorkspace(service);
  const { connected, ended } = useConnected(service);
  const startFrom = useFocusAfter(workspace?.state === 'up');
  if (workspace?.state === 'up') {
    return (
      <>
        {ended !== null && <Ended trouble={ended} />}
        {!connected && ended === null && (
          <p className="lyftnb-Lost" role="status">
            The connection to the workspace is lost. Trying again…
          </p>
        )}
        {children}
      </>
    );
  }
  if (ended !== null) {
    return <Ended trouble={ended} />;
  }
  if (!connected) {
    return <Empty>Connecting to the workspace…</Empty>;
  }
  if (workspace?.state === 'gone') {
    return (
      <Empty>
        The folder of <strong>{workspace.root}</strong> is gone, and its deployments, runs and spools with it.
      </Empty>
    );
  }
  return (
    <div className="lyftnb-Down">
      {workspace === null && trouble === null ? (
        <Empty>Looking for the workspace…</Empty>
      ) : (
        <>
          {workspace && (
            <p>
              The manager of <strong>{workspace.root}</strong> is not running. It holds deployments, runs
              and spools.
            </p>
          )}
          <TroubleNote trouble={trouble} />
          <button
            className="lyftnb-Button"
            type="button"
            aria-disabled={starting}
            onClick={event => {
              if (!starting) {
                startFrom(event.currentTarget);
                start();
              }
            }}
          >
            {starting ? 'Starting…' : 'Start the manager'}
          </button>
        </>
      )}
    </div>
  );
}

/** The button that starts is gone when it is done: what comes in its place gets its focus. */
function useFocusAfter(done: boolean): (button: HTMLElement) => void {
  const place = useRef<Element | null>(null);
  useEffect(() => {
    if (done && place.current !== null && document.activeElement === document.body) {
      place.current.querySelector<HTMLElement>('button, input, select, [tabindex="0"]')?.focus();
      place.current = null;
    }
  }, [done]);
  return button => {
    place.current = button.closest('.lyftnb-Down')?.parentElement ?? null;
  };
}

export interface Tab {
  id: string;
  label: string;
  content: () => JSX.Element;
}

interface TabsProps {
  tabs: readonly Tab[];
  label: string;
  /** The tab that is shown, where somebody else keeps it; with `onChoose`. */
  shown?: string;
  onChoose?: (id: string) => void;
}

/** Tabs as the ARIA practices have them: arrows move, Home and End jump. */
export function Tabs({ tabs, label, shown, onChoose }: TabsProps): JSX.Element {
  const [own, setOwn] = useState(tabs[0]?.id);
  const chosen = shown ?? own;
  const setChosen = onChoose ?? setOwn;
  const base = useId();
  const current = tabs.find(tab => tab.id === chosen) ?? tabs[0];
  const move = (event: KeyboardEvent<HTMLDivElement>): void => {
    const at = tabs.findIndex(tab => tab.id === current?.id);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) {
      return;
    }
    event.preventDefault();
    const next = tabs[(to + tabs.length) % tabs.length];
    if (next) {
      setChosen(next.id);
      document.getElementById(`${base}-${next.id}`)?.focus();
    }
  };
  return (
    <div className="lyftnb-Tabs">
      <div className="lyftnb-Tabs-list" role="tablist" aria-label={label} onKeyDown={move}>
        {tabs.map(tab => (
          <button
            key={tab.id}
            id={`${base}-${tab.id}`}
            type="button"
            role="tab"
            aria-selected={tab === current}
            aria-controls={`${base}-panel`}
            tabIndex={tab === current ? 0 : -1}
            onClick={() => setChosen(tab.id)}
          >
            {tab.label}
          </button>
        ))}
      </div>
      <div
        className="lyftnb-Tabs-panel"
        id={`${base}-panel`}
        role="tabpanel"
        aria-labelledby={`${base}-${current?.id}`}
        tabIndex={-1}
      >
        {current?.content()}
      </div>
    </div>
  );
}

/** The editor's state for React: one session for each draft that is shown. */
import { createContext, useContext, useEffect, useMemo, useState, useSyncExternalStore, type JSX, type ReactNode } from 'react';
import { EditorContext, type EditorModel } from './model';
import { Session, type SessionOptions, type SessionState } from './session';

const SessionContext = createContext<Session | null>(null);

export function EditorProvider({ session, children }: { session: Session; children: ReactNode }): JSX.Element {
  const state = useSyncExternalStore(session.subscribe, session.get);
  // The same functions as long as the session is: what depends on them runs once.
  const hands = useMemo(() => handsOf(session), [session]);
  const model = useMemo(
    () => ({ ...state, ...hands, readOnly: session.options.readOnly || state.ended !== null }),
    [state, hands, session]
  );
  return (
    <SessionContext.Provider value={session}>
      <EditorContext.Provider value={model}>{children}</EditorContext.Provider>
    </SessionContext.Provider>
  );
}

/** A session for as long as the component is there; another draft or deployment begins another. */
export function useNewSession(options: SessionOptions): Session | null {
  const [session, setSession] = useState<Session | null>(null);
  const { service, draft, deployment, readOnly } = options;
  useEffect(() => {
    const made = new Session(options);
    setSession(made);
    return made.start();
    // The text is what it begins with; later ones come through `setText`.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [service, draft, deployment, readOnly]);
  return session;
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) {
    throw new Error('useSession needs an EditorProvider around it');
  }
  return session;
}

function handsOf(session: Session): Omit<EditorModel, keyof SessionState | 'readOnly'> {
  const { service, draft } = session.options;
  return {
    service,
    draft,
    edit: (ops, label, options) => session.edit(ops, label, options),
    undo: () => session.undo(),
    redo: () => session.redo(),
    select: parts => session.select(parts),
    reveal: path => session.reveal(path),
    setOverlay: overlay => session.setOverlay(overlay),
    showDraft: () => session.showDraft(),
    openPanel: panel => session.openPanel(panel),
    focusTrace: focus => session.focusTrace(focus),
    trace: rows => session.trace(rows),
    replaceText: text => session.replaceText(text),
    announce: (message, kind) => session.announce(message, kind)
  };
}

/** What went well or wrong: said politely to screen readers, shown for a while; and lasting states. */
import { useEffect, useState, type JSX } from 'react';
import { Icon } from './icons';
import { useEditor } from './model';
import type { Trouble } from '../protocol';
import { placeOf } from '../panels/problems';
import { copyText } from './copying';
import type { Session } from './session';
import { useSession } from './store';

const SHOWN_MS = 6_000;

export function Notices(): JSX.Element {
  const session = useSession();
  const { connected, ended, document, revision } = useEditor();
  const { message, conflicts } = session.get();
  const [hidden, setHidden] = useState(0);
  useEffect(() => {
    if (message?.kind !== 'info') {
      return undefined;
    }
    const timer = setTimeout(() => setHidden(message.number), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [message]);
  const shown = message !== null && message.number !== hidden;

  return (
    <>
      <div className="lyftnb-Unseen" role="status" aria-live="polite">
        {message?.text}
      </div>
      {ended !== null && <Ended trouble={ended} session={session} />}
      {!connected && ended === null && (
        <p className="lyftnb-Banner lyftnb-mod-warning">
          <Icon name="warning" /> No connection. Edits are kept here and sent when it is back.
        </p>
      )}
      {connected && document === null && revision === 0 && <p className="lyftnb-Banner">Opening…</p>}
      {conflicts.length > 0 && (
        <div className="lyftnb-Banner lyftnb-mod-warning">
          <Icon name="warning" />
          <span>
            Changed elsewhere in the same places as here; yours stand: {conflicts.map(placeOf).join(', ')}
          </span>
          <button type="button" className="lyftnb-Button" onClick={() => session.dismissConflicts()}>
            Understood
          </button>
        </div>
      )}
      {shown && message.kind === 'error' && (
        <div className="lyftnb-Banner lyftnb-mod-error" role="alert">
          <Icon name="error" />
          <span>{message.text}</span>
          <button type="button" className="lyftnb-Tool" aria-label="Dismiss" onClick={() => setHidden(message.number)}>
            <Icon name="close" size={13} />
          </button>
        </div>
      )}
      {shown && message.kind === 'info' && (
        <p className="lyftnb-Toast" aria-hidden="true">
          {message.text}
        </p>
      )}
    </>
  );
}

/** Nobody takes edits any more: they can be carried off, and a person is told how to go on. */
function Ended({ trouble, session }: { trouble: Trouble; session: Session }): JSX.Element {
  const { readOnly } = session.options;
  return (
    <div className="lyftnb-Banner lyftnb-mod-error" role="alert">
      <Icon name="error" />
      <span>
        <strong>{trouble.message}</strong> {trouble.hint}
        {!readOnly && ' What was edited here is no longer sent: copy the draft if it is not saved elsewhere.'}
      </span>
      {!readOnly && (
        <button
          type="button"
          className="lyftnb-Button"
          onClick={() =>
            session.announce(copyText(session.kept) ? 'Copied: paste it into a %%workflow cell or a file' : 'The browser did not copy it', 'info')
          }
        >
          Copy the draft
        </button>
      )}
    </div>
  );
}

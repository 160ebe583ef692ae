/** Apply an older revision again, once it was confirmed. */
import { useState, type JSX } from 'react';
import { useEditor } from '../../editor/model';
import type { RevisionInfo, Trouble } from '../../protocol';
import { useDoing } from '../../views/asking';
import { TroubleNote } from '../../views/parts';

interface RollbackProps {
  deployment: string;
  revision: RevisionInfo;
  done: () => void;
}

export function Rollback({ deployment, revision, done }: RollbackProps): JSX.Element {
  const { service, announce } = useEditor();
  const { doing, trouble, run } = useDoing();
  const [asking, setAsking] = useState(false);
  const [accepted, setAccepted] = useState<ReadonlySet<string>>(new Set());
  const asked = askedFor(trouble);
  const missing = asked.filter(name => !accepted.has(name));
  const roll = (): void =>
    run(async () => {
      const accept = [...accepted];
      const made = await service.ask('rollback', { deployment, revision: revision.number, accept });
      announce(`${made.name} runs ${revision.ref} again, as revision ${made.revision}`);
      setAsking(false);
      done();
    });
  if (!asking) {
    return (
      <button
        type="button"
        className="lyftnb-Small"
        aria-label={`Roll back to revision ${revision.number}…`}
        onClick={() => setAsking(true)}
      >
        Roll back…
      </button>
    );
  }
  return (
    <div className="lyftnb-Confirm" role="alertdialog" aria-label={`Roll back to revision ${revision.number}?`}>
      <p>
        {revision.ref} of revision {revision.number} becomes the newest revision. Rows that are written stay.
      </p>
      {asked.length > 0 ? <p role="alert">Something would be lost; accept it first:</p> : <TroubleNote trouble={trouble} />}
      {asked.map(name => (
        <label key={name} className="lyftnb-Plan-accept">
          <input
            type="checkbox"
            checked={accepted.has(name)}
            onChange={event => setAccepted(toggled(accepted, name, event.target.checked))}
          />
          Accept {name}
        </label>
      ))}
      <button type="button" className="lyftnb-Small" disabled={doing || missing.length > 0} onClick={roll}>
        {doing ? 'Rolling back…' : `Roll back to ${revision.number}`}
      </button>
      <button type="button" className="lyftnb-Small" autoFocus onClick={() => setAsking(false)}>
        Leave it
      </button>
    </div>
  );
}

/** What a refusal asks to be accepted. */
function askedFor(trouble: Trouble | null): string[] {
  const names = trouble?.facts['accept'];
  return Array.isArray(names) ? names.map(String) : [];
}

function toggled(names: ReadonlySet<string>, name: string, wanted: boolean): ReadonlySet<string> {
  const others = [...names].filter(each => each !== name);
  return new Set(wanted ? [...others, name] : others);
}

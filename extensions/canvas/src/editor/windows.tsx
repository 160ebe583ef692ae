/** The windows of the editor: adding, connecting, renaming, finding, and the keys. */
import { useEffect, useMemo, useRef, useState, type JSX } from 'react';
import { sourceInWords, sourcesOf, targetsFor, type Offer, type Source } from '../graph/connect';
import { partOf } from '../graph/graph';
import { nameRefusal, type Deployed } from '../graph/rename';
import { COMMANDS, keyInWords } from './commands';
import { deployedSteps } from './deployed';
import { Dialog } from './Dialog';
import { entryById, offered } from './entries';
import { useHands } from './hands';
import type { EditorModel, Part } from './model';
import { Picker, type Choice } from './Picker';
import type { Point } from '../graph/sizes';

export function Windows(): JSX.Element | null {
  const { bench } = useHands();
  const { window } = bench;
  const close = (): void => {
    bench.open(null);
    bench.camera.current?.focus();
  };
  switch (window?.kind) {
    case 'add':
      return <AddWindow at={window.at} source={window.source} close={close} />;
    case 'connect':
      return <ConnectWindow close={close} />;
    case 'rename':
      return <RenameWindow part={window.part} close={close} />;
    case 'search':
      return <SearchWindow close={close} />;
    case 'keys':
      return <KeysWindow close={close} />;
    default:
      return null;
  }
}

function AddWindow({ at, source, close }: { at: Point | undefined; source: Source | undefined; close(): void }): JSX.Element {
  const { editor, actions } = useHands();
  const into = actions.current?.kind === 'step' ? actions.current.name : null;
  const opening = editor.document === null || editor.palette === null;
  const choices = useMemo(
    () =>
      opening
        ? []
        : offered(editor.palette).map(({ id, name, summary, icon, section }) => ({ id, label: name, note: summary, icon, section })),
    [editor.palette, opening]
  );
  const choose = (id: string, withShift: boolean): void => {
    const entry = entryById(editor.palette, id);
    close();
    if (entry?.entry === 'kind' && withShift && into !== null) {
      actions.addInto(entry.kind, into);
    } else if (entry !== null) {
      actions.add(entry, at, source);
    }
  };
  return (
    <Dialog title={source === undefined ? 'Add' : `Add behind ${sourceInWords(source)}`} onClose={close}>
      <Picker
        label="Search steps, actions, inputs, outputs"
        choices={choices}
        empty={opening ? 'Opening the workflow…' : 'Nothing of that name.'}
        hint={into === null ? 'Enter adds it.' : `Enter adds a step behind ${into}; Shift Enter puts it into ${into}.`}
        onChoose={choose}
      />
    </Dialog>
  );
}

/** First what is given, unless there is but one thing; then who takes it. */
function ConnectWindow({ close }: { close(): void }): JSX.Element | null {
  const { editor, actions } = useHands();
  const { document } = editor;
  const [source, setSource] = useState<Source | null>(null);
  const part = actions.current;
  const sources = useMemo(() => (document === null || part === null ? [] : sourcesOf(document, part)), [document, part]);
  const given = source ?? (sources.length === 1 ? sources[0] : undefined);
  if (document === null || part === null || sources.length === 0) {
    return null;
  }
  if (given === undefined) {
    const choices = sources.map((one, index) => ({ id: String(index), label: sourceInWords(one), icon: sourceIcon(one) }));
    return (
      <Dialog title={`Connect ${'name' in part ? part.name : ''}: what does it give?`} onClose={close}>
        <Picker label="Port" choices={choices} empty="No such port." onChoose={id => setSource(sources[Number(id)] ?? null)} />
      </Dialog>
    );
  }
  const offers = targetsFor(document, given);
  const connect = (id: string): void => {
    close();
    const offer = offers[Number(id)];
    if (offer !== undefined) {
      actions.connect(given, offer.target);
    }
  };
  return (
    <Dialog key={sourceInWords(given)} title={`Connect ${sourceInWords(given)} with`} onClose={close}>
      <Picker label="Step or spool" choices={offerChoices(offers)} empty="Nothing of that name." onChoose={connect} />
    </Dialog>
  );
}

/** What fits comes first. */
function offerChoices(offers: readonly Offer[]): Choice[] {
  const titles = { step: 'Steps', channel: 'Spools', 'new channel': 'New' };
  return offers
    .map(({ target, refusal }, index) => ({
      id: String(index),
      label: target.kind === 'new channel' ? `new spool ${target.name}` : target.name,
      icon: target.kind === 'step' ? 'step' : 'spool',
      section: refusal === null ? titles[target.kind] : 'Cannot take it',
      refusal
    }))
    .sort((one, other) => Number(one.refusal !== null) - Number(other.refusal !== null));
}

function sourceIcon(source: Source): string {
  return { port: 'output', 'new port': 'add', rejects: 'warning', channel: 'spool', message: 'message' }[source.kind];
}

function RenameWindow({ part, close }: { part: Part; close(): void }): JSX.Element {
  const { editor, actions } = useHands();
  const old = part.kind === 'step' || part.kind === 'channel' ? part.name : String(editor.document?.workflow ?? '');
  const [name, setName] = useState(old);
  const [taken, take] = useState(false);
  const deployed = useDeployedSteps(editor);
  const refusal = editor.document === null ? null : nameRefusal(editor.document, part, name);
  useEffect(() => {
    if (taken && deployed !== undefined) {
      close();
      actions.rename(part, name, deployed);
    }
    // Once both are there; the name stays as it was when it was taken.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [taken, deployed]);
  return (
    <Dialog title={`Rename ${part.kind} ${old}`} onClose={close}>
      <form
        className="lyftnb-Rename"
        onSubmit={event => {
          event.preventDefault();
          take(refusal === null);
        }}
      >
        <input
          data-autofocus
          aria-label="New name"
          aria-invalid={refusal !== null}
          aria-describedby="lyftnb-rename-refusal"
          value={name}
          onFocus={event => event.target.select()}
          readOnly={taken}
          onChange={event => setName(event.target.value)}
        />
        <p id="lyftnb-rename-refusal" className="lyftnb-Refusal" role="status">
          {refusal ?? ''}
        </p>
        {part.kind === 'channel' && (deployed === null || (deployed?.size ?? 0) > 0) && (
          <p className="lyftnb-Dim">
            Of a spool that is deployed, what it holds stays under the name {old}: one of another name begins empty.
          </p>
        )}
        <div className="lyftnb-Dialog-buttons">
          <button type="button" className="lyftnb-Button" onClick={close}>
            Cancel
          </button>
          <button type="submit" className="lyftnb-Button lyftnb-mod-main" disabled={refusal !== null}>
            Rename
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Asked for once; undefined until there is an answer. */
function useDeployedSteps({ service, document }: EditorModel): Deployed | undefined {
  const [deployed, setDeployed] = useState<Deployed>();
  const asked = useRef(document);
  useEffect(() => {
    let wanted = true;
    void deployedSteps(service, asked.current ?? {}).then(steps => wanted && setDeployed(steps));
    return () => {
      wanted = false;
    };
  }, [service]);
  return deployed;
}

function SearchWindow({ close }: { close(): void }): JSX.Element {
  const { editor, bench, actions } = useHands();
  const choices = useMemo(
    () =>
      bench.graph.nodes.map(node => ({
        id: node.id,
        label: node.name,
        note: [node.summary, node.description].filter(Boolean).join(' · '),
        icon: node.kind === 'step' ? node.icon : 'spool'
      })),
    [bench.graph]
  );
  return (
    <Dialog title="Find" onClose={close}>
      <Picker
        label="Step or spool"
        choices={choices}
        empty="Nothing of that name."
        onChoose={id => {
          const node = bench.graph.nodes.find(one => one.id === id);
          close();
          if (node !== undefined) {
            editor.select([partOf(node)]);
            bench.pickEdges([]);
            actions.show(partOf(node));
          }
        }}
      />
    </Dialog>
  );
}

function KeysWindow({ close }: { close(): void }): JSX.Element {
  const sections = [...new Set(COMMANDS.map(one => one.section))];
  const more = [
    { label: 'Copy, cut, paste', keys: ['Mod+C', 'Mod+X', 'Mod+V'] },
    { label: 'Leave, close, show the draft again', keys: ['Escape'] },
    { label: 'Next part of the screen', keys: ['F6'] }
  ];
  return (
    <Dialog title="Keys" wide onClose={close}>
      <div className="lyftnb-Keys" tabIndex={0} data-autofocus>
        {sections.map(section => (
          <section key={section}>
            <h3>{section}</h3>
            <dl>
              {[...COMMANDS.filter(one => one.section === section), ...(section === 'Edit' ? more : [])].map(one => (
                <div key={one.label}>
                  <dt>{one.keys.map(key => <kbd key={key}>{keyInWords(key)}</kbd>)}</dt>
                  <dd>{one.label}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <div className="lyftnb-Dialog-buttons">
        <button type="button" className="lyftnb-Button" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

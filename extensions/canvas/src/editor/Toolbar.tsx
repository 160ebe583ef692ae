/** The buttons above the canvas; each says its key. */
import type { JSX } from 'react';
import { command, isEnabled, keyInWords, type Command } from './commands';
import { useHands } from './hands';
import { Icon } from './icons';
import { problemsInWords } from './describing';
import type { PanelName } from './model';
import type { Framing } from '../graph/frames';

const EDITING = ['undo', 'redo', 'add', 'connect', 'rename', 'remove'];
const VIEWING = ['layout', 'fit', 'zoom-out', 'zoom-in', 'search'];

export function Toolbar(): JSX.Element {
  const { editor, bench } = useHands();
  return (
    <div className="lyftnb-Toolbar" role="toolbar" aria-label="Workflow">
      <ToggleLeft side="palette" label="Palette" icon="block" />
      <ToggleLeft side="outline" label="Outline" icon="outline" />
      <span className="lyftnb-Toolbar-gap" />
      {EDITING.map(id => !editor.readOnly && <CommandButton key={id} id={id} />)}
      {!editor.readOnly && <span className="lyftnb-Toolbar-gap" />}
      {VIEWING.map(id => <CommandButton key={id} id={id} />)}
      <select
        aria-label="Frames around"
        title="What is framed on the canvas"
        value={bench.framing}
        onChange={event => bench.showFrames(event.target.value as Framing)}
      >
        <option value="stages">Stages</option>
        <option value="groups">Worker groups</option>
        <option value="nothing">No frames</option>
      </select>
      <span className="lyftnb-Toolbar-space" />
      <Painted />
      {!editor.readOnly && <CommandButton id="trace" words="Trace" />}
      <PanelButton panel="problems" label={problemsInWords(editor.problems) || 'No problems'} icon={icon(editor.problems)} />
      <PanelButton panel="plan" label="Plan" icon="plan" />
      <PanelButton panel="live" label="Watch" icon="live" />
      <PanelButton panel="text" label="YAML" icon="text" />
      <span className="lyftnb-Toolbar-gap" />
      <button
        type="button"
        className="lyftnb-Tool"
        aria-pressed={bench.inspector}
        aria-label="Properties"
        title="Properties (Enter)"
        onClick={() => bench.openInspector(!bench.inspector)}
      >
        <Icon name="properties" />
      </button>
      <CommandButton id="keys" />
    </div>
  );
}

function CommandButton({ id, words }: { id: string; words?: string }): JSX.Element {
  const hands = useHands();
  const one: Command = command(id);
  const key = one.keys[0];
  return (
    <button
      type="button"
      className="lyftnb-Tool"
      aria-label={one.label}
      title={key === undefined ? one.label : `${one.label} (${keyInWords(key)})`}
      disabled={!isEnabled(one, hands)}
      onClick={() => one.run(hands)}
    >
      <Icon name={one.icon ?? 'gear'} />
      {words !== undefined && <span className="lyftnb-Words">{words}</span>}
    </button>
  );
}

function ToggleLeft({ side, label, icon: name }: { side: 'palette' | 'outline'; label: string; icon: string }): JSX.Element | null {
  const { editor, bench } = useHands();
  if (side === 'palette' && editor.readOnly) {
    return null;
  }
  return (
    <button
      type="button"
      className="lyftnb-Tool"
      aria-label={label}
      title={label}
      aria-pressed={bench.left === side}
      onClick={() => bench.openLeft(bench.left === side ? null : side)}
    >
      <Icon name={name} />
    </button>
  );
}

function PanelButton({ panel, label, icon: name }: { panel: PanelName; label: string; icon: string }): JSX.Element {
  const { editor } = useHands();
  const open = editor.panel === panel;
  return (
    <button
      type="button"
      className={`lyftnb-Tool lyftnb-mod-${name}`}
      aria-label={label}
      title={label}
      aria-pressed={open}
      onClick={() => editor.openPanel(open ? null : panel)}
    >
      <Icon name={name} />
      <span className="lyftnb-Words">{label}</span>
    </button>
  );
}

/** Says that something other than the draft is painted, and takes it away. */
function Painted(): JSX.Element | null {
  const { editor } = useHands();
  const { overlay } = editor;
  const words = {
    none: null,
    live: overlay.kind === 'live' && !editor.readOnly ? `Deployment ${overlay.view.deployment.name}` : null,
    trace: overlay.kind === 'trace' ? `Trace of ${overlay.trace.sample} rows${overlay.stale ? ', out of date' : ''}` : '',
    difference: overlay.kind === 'difference' ? overlay.title : '',
    plan: overlay.kind === 'plan' ? `Plan for ${overlay.plan.deployment}` : ''
  }[overlay.kind];
  return words === null ? null : (
    <span className="lyftnb-Painted">
      <span className="lyftnb-Painted-words" title={words}>
        {words}
      </span>
      <button type="button" className="lyftnb-Tool" aria-label="Show the draft again" title="Show the draft again" onClick={() => editor.showDraft()}>
        <Icon name="close" size={13} />
      </button>
    </span>
  );
}

function icon(problems: readonly { severity: string }[]): string {
  const worst = ['error', 'warning'].find(severity => problems.some(problem => problem.severity === severity));
  return worst ?? 'check';
}

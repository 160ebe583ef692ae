/** How the editor is laid out, and where its keys and its clipboard arrive. */
import { useEffect, useRef, type ClipboardEvent, type JSX, type KeyboardEvent, type MutableRefObject } from 'react';
import { Inspector } from '../forms/Inspector';
import { Canvas } from './canvas/Canvas';
import { commandFor, isEnabled } from './commands';
import { Drawer } from './Drawer';
import { isField, useFirstFocus } from './focus';
import { useHands } from './hands';
import { Icon } from './icons';
import { Menu } from './Menu';
import { Notices } from './Notices';
import { Outline } from './Outline';
import { PalettePanel } from './PalettePanel';
import { useReveal } from './revealing';
import { Toolbar } from './Toolbar';
import { Windows } from './windows';

const AREAS = ['.lyftnb-Canvas', '.lyftnb-Toolbar', '.lyftnb-Side.lyftnb-mod-left', '.lyftnb-mod-inspector', '.lyftnb-Drawer'];

export interface ScreenProps {
  focusRef: MutableRefObject<() => void>;
  autoFocus: boolean;
}

export function Screen({ focusRef, autoFocus }: ScreenProps): JSX.Element {
  const { editor, bench } = useHands();
  const keys = useKeys();
  const clipboard = useClipboard();
  useReveal();
  useEffect(() => {
    focusRef.current = () => bench.camera.current?.focus();
  }, [bench, focusRef]);
  useFirstFocus(autoFocus);

  return (
    <div
      ref={bench.root}
      className="lyftnb-Editor"
      data-known={editor.settled && editor.schemas?.revision === editor.revision}
      onKeyDown={keys}
      {...clipboard}
      onPointerDown={event => (event.target as Element).closest('.react-flow') !== null && bench.camera.current?.focus()}
    >
      <Toolbar />
      <Notices />
      <div className="lyftnb-Editor-middle">
        <div className="lyftnb-Editor-work">
          <div className="lyftnb-Editor-graph">
            {bench.left !== null && (
              <aside className={`lyftnb-Side lyftnb-mod-left lyftnb-mod-${bench.left}`} aria-label={bench.left === 'palette' ? 'Palette' : 'Outline'}>
                {bench.left === 'palette' ? <PalettePanel /> : <Outline />}
              </aside>
            )}
            <Centre />
          </div>
          <Drawer />
        </div>
        {bench.inspector && (
          <div className="lyftnb-Side lyftnb-mod-inspector">
            <Inspector onRename={part => bench.open({ kind: 'rename', part })} />
          </div>
        )}
      </div>
      <Windows />
      <Menu />
    </div>
  );
}

/** The graph; while the text cannot be read, as it was, out of reach. */
function Centre(): JSX.Element {
  const { editor } = useHands();
  const unreadable = editor.document === null && editor.revision > 0;
  const graph = useRef<HTMLDivElement>(null);
  useEffect(() => {
    graph.current?.toggleAttribute('inert', unreadable);
  }, [unreadable]);
  return (
    <div className="lyftnb-Editor-centre">
      <div ref={graph} className="lyftnb-Editor-reach">
        <Canvas />
      </div>
      {unreadable && <Unreadable />}
    </div>
  );
}

function Unreadable(): JSX.Element {
  const { editor } = useHands();
  return (
    <div className="lyftnb-Canvas-empty lyftnb-mod-over" role="status">
      <Icon name="error" size={28} />
      <p>The text is no workflow document, so the graph waits.</p>
      {editor.problems.slice(0, 3).map(problem => (
        <p key={problem.message} className="lyftnb-Dim">
          {problem.line === null ? '' : `Line ${problem.line}: `}
          {problem.message}
        </p>
      ))}
      <button type="button" className="lyftnb-Button" onClick={() => editor.openPanel('text')}>
        Mend the text
      </button>
    </div>
  );
}

/** Keys end here, or a notebook around would take them for its own; saving and the lab's palette
 * pass. */
function useKeys(): (event: KeyboardEvent) => void {
  const hands = useHands();
  const last = useRef(hands);
  last.current = hands;
  return event => {
    const { bench } = last.current;
    const mod = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (mod && (key === 's' || (event.shiftKey && key === 'c'))) {
      return;
    }
    event.stopPropagation();
    if (event.defaultPrevented) {
      return;
    }
    if (event.key === 'F6') {
      event.preventDefault();
      nextArea(bench.root.current, event.shiftKey);
      return;
    }
    const target = event.target as Element;
    if (event.key === 'Escape') {
      escape(last.current, target);
      return;
    }
    if (bench.window !== null || bench.menu !== null || isField(target)) {
      return;
    }
    const onGraph = target.closest('.lyftnb-Canvas, .lyftnb-Outline') !== null;
    if (event.key === 'ContextMenu' || (event.shiftKey && event.key === 'F10')) {
      event.preventDefault();
      openMenuAtNode(last.current);
      return;
    }
    const found = commandFor(event, onGraph);
    if (found !== null) {
      event.preventDefault();
      if (isEnabled(found, last.current)) {
        found.run(last.current);
      }
    }
  };
}

/** One step out: a field or side leaves to the canvas, then the selection goes, then what is painted. */
function escape({ bench, editor }: ReturnType<typeof useHands>, target: Element): void {
  if (target.closest('.lyftnb-Canvas') === null) {
    bench.camera.current?.focus();
  } else if (editor.selection.length > 0) {
    bench.pickEdges([]);
    editor.select([]);
  } else {
    editor.showDraft();
  }
}

function openMenuAtNode({ bench, actions }: ReturnType<typeof useHands>): void {
  const node = bench.root.current?.querySelector('.react-flow__node.selected');
  const box = (node ?? bench.root.current?.querySelector('.lyftnb-Canvas'))?.getBoundingClientRect();
  if (box !== undefined) {
    bench.openMenu({ at: { x: box.left + 24, y: box.top + 24 }, part: actions.current });
  }
}

function nextArea(root: HTMLElement | null, back: boolean): void {
  const areas = AREAS.flatMap(selector => [...(root?.querySelectorAll<HTMLElement>(selector) ?? [])]);
  const at = areas.findIndex(area => area.contains(document.activeElement));
  const next = areas[(at + (back ? -1 : 1) + areas.length) % areas.length];
  const inner = next?.querySelector<HTMLElement>('[tabindex="0"], button:not(:disabled), input, select, textarea, [contenteditable="true"]');
  (next?.classList.contains('lyftnb-Canvas') ? next : (inner ?? next))?.focus();
}

/** The system's clipboard, through the browser's own events: these need no permission. */
function useClipboard(): { onCopy(event: ClipboardEvent): void; onCut(event: ClipboardEvent): void; onPaste(event: ClipboardEvent): void } {
  const { bench, actions } = useHands();
  const ours = (event: ClipboardEvent): boolean =>
    bench.window === null &&
    !isField(event.target as Element) &&
    (event.target as Element).closest('.lyftnb-Canvas, .lyftnb-Outline') !== null;
  const onCopy = (event: ClipboardEvent): boolean => {
    const text = ours(event) ? actions.copied() : '';
    if (text === '') {
      return false;
    }
    event.preventDefault();
    event.stopPropagation();
    event.clipboardData.setData('text/plain', text);
    return true;
  };
  return {
    onCopy: event => void onCopy(event),
    onCut: event => {
      if (onCopy(event)) {
        actions.remove();
      }
    },
    onPaste: event => {
      if (ours(event)) {
        event.preventDefault();
        event.stopPropagation();
        actions.paste(event.clipboardData.getData('text/plain'));
      }
    }
  };
}

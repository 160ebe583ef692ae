/** The menu at the mouse, or at a node by the menu key. */
import { useEffect, useRef, type JSX, type KeyboardEvent } from 'react';
import { command, isEnabled, keyInWords } from './commands';
import type { Point } from '../graph/sizes';
import { useHands } from './hands';

const ROOM: Point = { x: 240, y: 300 };
const OF_PART = ['properties', 'connect', 'rename', 'duplicate', 'copy', 'cut', 'remove'];
const OF_SEVERAL = ['align-left', 'align-right', 'align-top', 'align-bottom', 'layout', 'duplicate', 'copy', 'cut', 'remove'];
const OF_PANE = ['add', 'paste', 'all', 'layout', 'fit', 'search', 'keys'];

export function Menu(): JSX.Element | null {
  const hands = useHands();
  const { bench, editor, actions } = hands;
  const box = useRef<HTMLDivElement>(null);
  const { menu } = bench;
  useEffect(() => {
    box.current?.querySelector<HTMLElement>('button:not(:disabled)')?.focus();
  }, [menu]);
  if (menu === null) {
    return null;
  }
  const close = (): void => {
    bench.openMenu(null);
    bench.camera.current?.focus();
  };
  const clipboard: Record<string, { label: string; key: string; run(): void }> = {
    copy: { label: 'Copy', key: 'Mod+C', run: () => void navigator.clipboard.writeText(actions.copied()) },
    cut: {
      label: 'Cut',
      key: 'Mod+X',
      run: () => void navigator.clipboard.writeText(actions.copied()).then(() => actions.remove())
    },
    paste: {
      label: 'Paste',
      key: 'Mod+V',
      run: () =>
        void navigator.clipboard.readText().then(
          text => actions.paste(text),
          () => editor.announce('The browser does not let the menu read the clipboard: use the keys', 'error')
        )
    }
  };
  const ids = menu.part === null ? OF_PANE : editor.selection.length > 1 ? OF_SEVERAL : OF_PART;
  return (
    <div className="lyftnb-Backdrop lyftnb-mod-clear" onPointerDown={event => event.target === event.currentTarget && close()} onContextMenu={event => event.preventDefault()}>
      <div ref={box} className="lyftnb-Menu" role="menu" style={within(bench.root.current, menu.at)} onKeyDown={event => walk(event, box.current, close)}>
        {ids.map(id => {
          const own = clipboard[id];
          const one = own === undefined ? command(id) : null;
          const key = own?.key ?? one?.keys[0];
          const enabled = one === null ? id === 'copy' || actions.canEdit : isEnabled(one, hands);
          return (
            <button
              key={id}
              type="button"
              role="menuitem"
              disabled={!enabled}
              onClick={() => {
                close();
                if (own !== undefined) {
                  own.run();
                } else {
                  one?.run(hands);
                }
              }}
            >
              <span>{own?.label ?? one?.label}</span>
              {key !== undefined && <kbd>{keyInWords(key)}</kbd>}
            </button>
          );
        })}
      </div>
    </div>
  );
}

function walk(event: KeyboardEvent, box: HTMLElement | null, close: () => void): void {
  const items = [...(box?.querySelectorAll<HTMLElement>('button:not(:disabled)') ?? [])];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step !== undefined) {
    event.preventDefault();
    items[(at + step + items.length) % items.length]?.focus();
  } else if (event.key === 'Escape' || event.key === 'Tab') {
    event.preventDefault();
    close();
  } else if (event.key !== 'Enter' && event.key !== ' ') {
    return;
  }
  event.stopPropagation();
}

/** Where a point of the window lies in the editor, with room for the menu. The lab contains what it shows:
 * within, nothing is placed by the window. */
function within(root: HTMLElement | null, { x, y }: Point): { left: number; top: number } {
  const { left, top, width, height } = root?.getBoundingClientRect() ?? new DOMRect();
  return { left: Math.max(0, Math.min(x - left, width - ROOM.x)), top: Math.max(0, Math.min(y - top, height - ROOM.y)) };
}

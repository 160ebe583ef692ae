/** Bring what was asked for into view, and put the focus on its field. */
import { useEffect, useRef } from 'react';
import { useActions } from './hands';
import { useEditor } from './model';
import { useSession } from './store';
import { useWorkbench } from './workbench';

export function useReveal(): void {
  const { revealed } = useSession().get();
  const { selection } = useEditor();
  const bench = useWorkbench();
  const actions = useActions();
  const done = useRef(0);
  useEffect(() => {
    if (revealed === null || revealed.number === done.current) {
      return;
    }
    done.current = revealed.number;
    bench.pickEdges([]);
    bench.openInspector(true);
    const [part] = selection;
    if (part !== undefined) {
      actions.show(part);
    }
    // The form of another part is drawn with the next frame.
    requestAnimationFrame(() => focusField(bench.root.current, revealed.path));
  }, [revealed, selection, bench, actions]);
}

/** The field of a path, or of the nearest path above it that has one. */
function focusField(root: HTMLElement | null, path: readonly (string | number)[]): void {
  for (let length = path.length; length > 0; length -= 1) {
    const selector = `[data-path="${CSS.escape(JSON.stringify(path.slice(0, length)))}"]`;
    const field = root?.querySelector<HTMLElement>(selector);
    if (field !== null && field !== undefined) {
      const inner = field.querySelector<HTMLElement>('input, textarea, select, .cm-content, button');
      field.scrollIntoView({ block: 'nearest' });
      (inner ?? field).focus();
      return;
    }
  }
}

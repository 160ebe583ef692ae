/** Who has the focus when the editor comes, and how it gets it. */
import { useEffect } from 'react';
import { useWorkbench } from './workbench';

/** What a person types into. */
export function isField(element: Element): boolean {
  return element.closest('input, textarea, select, [contenteditable="true"], .cm-editor') !== null;
}

/** Take the focus once there is something to work on; from there on it is where a person puts it. A window
 * that is open then keeps it, and what is left when it closes is taken. */
export function useFirstFocus(wanted: boolean): void {
  const { root, camera } = useWorkbench();
  useEffect(() => {
    if (!wanted) {
      return undefined;
    }
    /** Whether the question is settled. */
    const take = (): boolean => {
      const held = document.activeElement ?? document.body;
      if (root.current === null || root.current.contains(held)) {
        return true;
      }
      if (isShown(held) && isInWindow(held)) {
        return false;
      }
      if (!isShown(held) || !isField(held)) {
        camera.current?.focus();
      }
      return true;
    };
    if (take()) {
      return undefined;
    }
    // Windows are children of the body: it changes when they close.
    const closing = new MutationObserver(() => take() && closing.disconnect());
    closing.observe(document.body, { childList: true });
    return () => closing.disconnect();
  }, [wanted, root, camera]);
}

function isInWindow(element: Element): boolean {
  return element.closest('dialog, [role="dialog"], [aria-modal="true"]') !== null;
}

/** Browsers let what has been hidden keep the focus for some time. */
function isShown(element: Element): boolean {
  return element.isConnected && element.checkVisibility();
}

/** How high the drawer is: as a person has set it, in whichever editor. */
import { useCallback, useState } from 'react';

/** Where the browser keeps it. */
const KEPT_AT = 'lyftnb:drawer-height';

export function useHeight(): [height: number, set: (height: number) => void] {
  const [height, setHeight] = useState(() => kept() ?? fitting());
  const set = useCallback((next: number) => {
    setHeight(next);
    keep(next);
  }, []);
  return [height, set];
}

/** What leaves half of the screen to the graph, and has room for some rows of a trace below its bars. */
function fitting(): number {
  return Math.round(Math.min(400, Math.max(180, window.innerHeight * 0.4)));
}

function kept(): number | null {
  try {
    return Number(localStorage.getItem(KEPT_AT)) || null;
  } catch {
    return null; // a browser may keep nothing for us
  }
}

function keep(height: number): void {
  try {
    localStorage.setItem(KEPT_AT, String(height));
  } catch {
    // It holds for this drawer alone.
  }
}

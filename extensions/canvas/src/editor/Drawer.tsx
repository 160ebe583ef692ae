/** The panels below the canvas, one at a time, with a height that a person sets. */
import { useRef, useState, type JSX, type KeyboardEvent } from 'react';
import { LivePanel } from '../panels/LivePanel';
import { PlanPanel } from '../panels/PlanPanel';
import { ProblemsPanel } from '../panels/ProblemsPanel';
import { TextPanel } from '../panels/TextPanel';
import { TracePanel } from '../panels/TracePanel';
import { Icon } from './icons';
import { useEditor, type PanelName } from './model';

const PANELS: Record<PanelName, { title: string; Panel: () => JSX.Element }> = {
  problems: { title: 'Problems', Panel: ProblemsPanel },
  trace: { title: 'Trace', Panel: TracePanel },
  plan: { title: 'Publish, plan, apply', Panel: PlanPanel },
  live: { title: 'Watch', Panel: LivePanel },
  text: { title: 'YAML', Panel: TextPanel }
};
const LEAST = 120;
const STEP = 24;
/** Where the browser keeps the height that a person has set, for all drawers that are opened later. */
const KEPT_AT = 'lyftnb:drawer-height';

export function Drawer(): JSX.Element | null {
  const { panel, openPanel, readOnly } = useEditor();
  const [height, setHeight] = useState(firstHeight);
  const drawer = useRef<HTMLElement>(null);
  const drag = useRef<{ y: number; height: number } | null>(null);
  if (panel === null) {
    return null;
  }
  const { title, Panel } = PANELS[panel];
  const names = (Object.keys(PANELS) as PanelName[]).filter(name => !readOnly || name !== 'trace');
  const shown = (): number => drawer.current?.offsetHeight ?? LEAST;
  const resize = (wanted: number): void => {
    const next = Math.max(LEAST, Math.round(wanted));
    setHeight(next);
    keepHeight(next);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const by = { ArrowUp: STEP, ArrowDown: -STEP }[event.key];
    if (by !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      resize(shown() + by);
    }
  };
  return (
    <section ref={drawer} className="lyftnb-Drawer" aria-label={title} style={{ height }}>
      <div
        className="lyftnb-Drawer-edge"
        role="separator"
        aria-orientation="horizontal"
        aria-label="Height of the panel"
        aria-valuenow={height}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onPointerDown={event => {
          drag.current = { y: event.clientY, height: shown() };
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={event => {
          if (drag.current !== null) {
            resize(drag.current.height + drag.current.y - event.clientY);
          }
        }}
        onPointerUp={() => (drag.current = null)}
      />
      <div className="lyftnb-Drawer-head">
        <div role="tablist" aria-label="Panels">
          {names.map(name => (
            <button
              key={name}
              type="button"
              role="tab"
              aria-selected={name === panel}
              className="lyftnb-Tab"
              onClick={() => openPanel(name)}
            >
              {PANELS[name].title}
            </button>
          ))}
        </div>
        <button type="button" className="lyftnb-Tool" aria-label="Close the panel" title="Close the panel" onClick={() => openPanel(null)}>
          <Icon name="close" />
        </button>
      </div>
      <div className="lyftnb-Drawer-body">
        <Panel />
      </div>
    </section>
  );
}

/** What a person has set, or else what leaves most of the screen to the graph. */
function firstHeight(): number {
  const suits = Math.round(Math.min(340, Math.max(180, window.innerHeight * 0.32)));
  try {
    return Number(localStorage.getItem(KEPT_AT)) || suits;
  } catch {
    return suits; // a browser may keep nothing for us
  }
}

function keepHeight(height: number): void {
  try {
    localStorage.setItem(KEPT_AT, String(height));
  } catch {
    // It is kept for this drawer alone.
  }
}

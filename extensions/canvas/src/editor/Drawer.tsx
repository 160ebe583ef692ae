/** The panels below the canvas, one at a time, with a height that a person sets. */
import { useEffect, useRef, type JSX, type KeyboardEvent, type PointerEvent, type RefObject } from 'react';
import { LivePanel } from '../panels/LivePanel';
import { PlanPanel } from '../panels/PlanPanel';
import { ProblemsPanel } from '../panels/ProblemsPanel';
import { TextPanel } from '../panels/TextPanel';
import { TracePanel } from '../panels/TracePanel';
import { useHeight } from './height';
import { Icon } from './icons';
import { useEditor, type PanelName } from './model';
import { useWorkbench } from './workbench';

const PANELS: Record<PanelName, { title: string; Panel: () => JSX.Element }> = {
  problems: { title: 'Problems', Panel: ProblemsPanel },
  trace: { title: 'Trace', Panel: TracePanel },
  plan: { title: 'Publish, plan, apply', Panel: PlanPanel },
  live: { title: 'Watch', Panel: LivePanel },
  text: { title: 'YAML', Panel: TextPanel }
};
const LEAST = 120;

export function Drawer(): JSX.Element | null {
  const { panel, openPanel, readOnly } = useEditor();
  const { camera } = useWorkbench();
  const body = useRef<HTMLDivElement>(null);
  useFocusOf(body, panel);
  const [height, setHeight] = useHeight();
  const drag = useRef<{ y: number; height: number } | null>(null);
  if (panel === null) {
    return null;
  }
  const { title, Panel } = PANELS[panel];
  const names = (Object.keys(PANELS) as PanelName[]).filter(name => !readOnly || name !== 'trace');
  const close = (): void => {
    openPanel(null);
    camera.current?.focus();
  };
  const resize = (event: PointerEvent): void => {
    if (drag.current !== null) {
      setHeight(Math.max(LEAST, drag.current.height + drag.current.y - event.clientY));
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const by = { ArrowUp: 24, ArrowDown: -24 }[event.key];
    if (by !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      setHeight(Math.max(LEAST, height + by));
    }
  };
  return (
    <section className="lyftnb-Drawer" aria-label={title} style={{ height }}>
      <div
        className="lyftnb-Drawer-edge"
        role="separator"
        aria-orientation="horizontal"
        aria-label="Height of the panel"
        aria-valuenow={Math.round(height)}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onPointerDown={event => {
          drag.current = { y: event.clientY, height };
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={resize}
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
        <button type="button" className="lyftnb-Tool" aria-label="Close the panel" title="Close the panel" onClick={close}>
          <Icon name="close" />
        </button>
      </div>
      <div ref={body} className="lyftnb-Drawer-body" tabIndex={-1}>
        <Panel />
      </div>
    </section>
  );
}

/** A panel that takes the place of another takes the focus, too, if that was within what is gone. */
function useFocusOf(body: RefObject<HTMLElement | null>, panel: PanelName | null): void {
  const before = useRef(panel);
  useEffect(() => {
    if (before.current !== null && panel !== null && document.activeElement === document.body) {
      body.current?.focus();
    }
    before.current = panel;
  }, [body, panel]);
}

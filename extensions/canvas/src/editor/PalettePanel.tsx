/** What may be put on the canvas: search, drag, or Enter. */
import { useMemo, useRef, useState, type JSX, type KeyboardEvent } from 'react';
import { ENTRY_TYPE, offered, type Offered } from './entries';
import { useHands } from './hands';
import { Icon } from './icons';
import { useEditor } from './model';
import { matching } from './Picker';

export function PalettePanel(): JSX.Element {
  const { palette } = useEditor();
  const [search, setSearch] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const { actions } = useHands();
  const found = useMemo(() => {
    const all = offered(palette);
    const byId = new Map(all.map(one => [one.id, one]));
    const choices = all.map(one => ({ id: one.id, label: one.name, note: one.summary, section: one.section }));
    return matching(choices, search).map(choice => byId.get(choice.id) as Offered);
  }, [palette, search]);

  const focus = (index: number): void => {
    const next = Math.max(0, Math.min(found.length - 1, index));
    setAt(next);
    list.current?.querySelectorAll<HTMLElement>('[role="option"]')[next]?.focus();
  };
  const onKeyDown = (event: KeyboardEvent, index: number): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const entry = found[index];
    if (step !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      focus(index + step);
    } else if (event.key === 'Enter' && entry !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      actions.add(entry.entry);
    }
  };
  const sections = [...new Set(found.map(one => one.section))];

  return (
    <div className="lyftnb-Palette">
      <input
        type="search"
        placeholder="Search the palette"
        aria-label="Search the palette"
        value={search}
        onChange={event => setSearch(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'ArrowDown') {
            event.preventDefault();
            focus(0);
          } else if (event.key === 'Enter' && found[0] !== undefined) {
            actions.add(found[0].entry);
          }
        }}
      />
      <div ref={list} role="listbox" aria-label="Palette" className="lyftnb-Palette-list">
        {sections.map(section => (
          <div key={section} role="group" aria-label={section}>
            <h3 aria-hidden="true">{section}</h3>
            {found.map((one, index) =>
              one.section === section ? (
                <div
                  key={one.id}
                  role="option"
                  aria-selected={index === at}
                  tabIndex={index === Math.min(at, found.length - 1) ? 0 : -1}
                  className="lyftnb-Palette-entry"
                  draggable={actions.canEdit}
                  title={one.summary}
                  onDragStart={event => {
                    event.dataTransfer.setData(ENTRY_TYPE, one.id);
                    event.dataTransfer.effectAllowed = 'copy';
                  }}
                  onFocus={() => setAt(index)}
                  onDoubleClick={() => actions.add(one.entry)}
                  onKeyDown={event => onKeyDown(event, index)}
                >
                  <Icon name={one.icon} />
                  <span>{one.name}</span>
                </div>
              ) : null
            )}
          </div>
        ))}
        {found.length === 0 && <p className="lyftnb-Dim">Nothing of that name.</p>}
      </div>
      <p className="lyftnb-Hint">Drag onto the canvas, a step or a line; Enter adds behind the selection.</p>
    </div>
  );
}

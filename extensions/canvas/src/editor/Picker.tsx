/** A searchable list to choose one thing from: type to narrow, arrows to walk, Enter to take. */
import { useEffect, useId, useMemo, useRef, useState, type JSX, type KeyboardEvent } from 'react';
import { Icon } from './icons';

export interface Choice {
  id: string;
  label: string;
  /** More about it; searched, too. */
  note?: string;
  icon?: string;
  /** A heading that it stands under. */
  section?: string;
  /** Why it cannot be taken. */
  refusal?: string | null;
}

export interface PickerProps {
  label: string;
  choices: readonly Choice[];
  empty: string;
  /** A line about keys. */
  hint?: string;
  onChoose(id: string, withShift: boolean): void;
}

const SHOWN = 200;

export function Picker({ label, choices, empty, hint, onChoose }: PickerProps): JSX.Element {
  const [search, setSearch] = useState('');
  const [at, setAt] = useState(0);
  const id = useId();
  const listbox = useRef<HTMLUListElement>(null);
  const found = useMemo(() => matching(choices, search).slice(0, SHOWN), [choices, search]);
  const current = Math.min(at, found.length - 1);

  useEffect(() => {
    listbox.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [current, found]);

  const choose = (choice: Choice | undefined, withShift: boolean): void => {
    if (choice !== undefined && !choice.refusal) {
      onChoose(choice.id, withShift);
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    const step = steps[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setAt(Math.max(0, Math.min(found.length - 1, current + step)));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      choose(found[current], event.shiftKey);
    }
  };

  return (
    <div className="lyftnb-Picker">
      <input
        data-autofocus
        type="text"
        role="combobox"
        aria-label={label}
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={found.length > 0 ? `${id}-${current}` : undefined}
        placeholder={label}
        value={search}
        onChange={event => {
          setSearch(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <ul ref={listbox} id={id} role="listbox" aria-label={label}>
        {found.map((choice, index) => (
          <Row
            key={choice.id}
            id={`${id}-${index}`}
            choice={choice}
            heading={choice.section !== found[index - 1]?.section ? choice.section : undefined}
            selected={index === current}
            onHover={() => setAt(index)}
            onClick={withShift => choose(choice, withShift)}
          />
        ))}
      </ul>
      {found.length === 0 && <p className="lyftnb-Dim">{empty}</p>}
      {hint !== undefined && <p className="lyftnb-Hint">{hint}</p>}
    </div>
  );
}

interface RowProps {
  id: string;
  choice: Choice;
  heading: string | undefined;
  selected: boolean;
  onHover(): void;
  onClick(withShift: boolean): void;
}

function Row({ id, choice, heading, selected, onHover, onClick }: RowProps): JSX.Element {
  return (
    <>
      {heading !== undefined && (
        <li role="presentation" className="lyftnb-Picker-heading">
          {heading}
        </li>
      )}
      <li
        id={id}
        role="option"
        aria-selected={selected}
        aria-disabled={Boolean(choice.refusal)}
        onPointerMove={onHover}
        onClick={event => onClick(event.shiftKey)}
      >
        {choice.icon !== undefined && <Icon name={choice.icon} />}
        <span className="lyftnb-Picker-label">{choice.label}</span>
        <span className="lyftnb-Picker-note">{choice.refusal ?? choice.note}</span>
      </li>
    </>
  );
}

/** Names that begin with the words first, then names that hold them, then notes that do. */
export function matching(choices: readonly Choice[], search: string): Choice[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) {
    return [...choices];
  }
  const ranked = choices.flatMap(choice => {
    const label = choice.label.toLowerCase();
    const all = `${label} ${choice.note ?? ''} ${choice.section ?? ''}`.toLowerCase();
    if (!words.every(word => all.includes(word))) {
      return [];
    }
    const [first = ''] = words;
    return [{ choice, rank: label.startsWith(first) ? 0 : label.includes(first) ? 1 : 2 }];
  });
  return ranked.sort((one, other) => one.rank - other.rank).map(({ choice }) => choice);
}

/** The actions of a step, in order: add, move, duplicate, remove, fold. */
import { type JSX, type KeyboardEvent, useId, useMemo, useState } from 'react';
import type { Kind } from '../protocol';
import { at, insert, move, type Path, remove } from './edits';
import { fieldOf, isMapping } from './fields';
import { FieldView } from './FieldView';
import { tablesOf } from './besideTables';
import { columnsAfter, fitted } from './fitting';
import { FormContext, useForm, useFormWith } from './form';
import { Icon } from '../editor/icons';
import { type Document, useEditor } from '../editor/model';

/** Keys of an action beside its kind. */
const EXTRAS = ['id', 'on_error'];

export function ActionList({ step }: { step: string }): JSX.Element {
  const form = useForm();
  const { palette, schemas } = useEditor();
  const path: Path = ['steps', step, 'actions'];
  const begun = (kind: Kind): unknown =>
    fitted(kind, columnsAfter(schemas, step), tablesOf(form.document as Document, schemas, step)).example ?? '';
  const value = at(form.document, path);
  const actions = Array.isArray(value) ? value : [];
  const kinds = (palette?.kinds ?? []).filter(kind => kind.family === 'action');
  const go = (from: number, to: number): void => form.change(move(form.document, path, from, to), 'Move action');
  return (
    <section className="lyftnb-Actions" aria-label="Actions">
      <h3>Actions</h3>
      <ol className="lyftnb-Actions-list">
        {actions.map((action, index) => (
          <ActionItem key={index} step={step} index={index} action={action} count={actions.length} kinds={kinds} onMove={go} />
        ))}
      </ol>
      {!form.readOnly && (
        <AddAction
          kinds={kinds}
          onAdd={kind =>
            form.change(
              insert(form.document, path, actions.length, { [kind.name]: structuredClone(begun(kind)) }),
              `Add ${kind.name}`
            )
          }
        />
      )}
    </section>
  );
}

interface ItemProps {
  step: string;
  index: number;
  action: unknown;
  count: number;
  kinds: readonly Kind[];
  onMove: (from: number, to: number) => void;
}

function ActionItem({ step, index, action, count, kinds, onMove }: ItemProps): JSX.Element {
  const form = useForm();
  const { schemas } = useEditor();
  const path: Path = ['steps', step, 'actions', index];
  const name = nameOf(action);
  const kind = kinds.find(one => one.name === name);
  const field = useMemo(() => (kind === undefined ? null : fieldOf(kind.params, kind.params, kind.name, true)), [kind]);
  const columns = schemas?.steps[step]?.before[index] ?? null;
  const here = useFormWith(columns);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
      event.preventDefault();
      event.stopPropagation();
      onMove(index, event.key === 'ArrowUp' ? index - 1 : index + 1);
    }
  };
  return (
    <li className="lyftnb-Action" data-path={JSON.stringify(path)}>
      <details open>
        <summary onKeyDown={onKeyDown} title="Alt+↑ and Alt+↓ move it">
          <span className="lyftnb-Action-name">{name}</span>
          <span className="lyftnb-Action-summary">{kind?.summary ?? 'unknown action'}</span>
        </summary>
        {!form.readOnly && (
          <div className="lyftnb-Action-buttons" role="group" aria-label={`Action ${index + 1}, ${name}`}>
            <Tool name="Move up" icon="up" disabled={index === 0} act={() => onMove(index, index - 1)} />
            <Tool name="Move down" icon="down" disabled={index === count - 1} act={() => onMove(index, index + 1)} />
            <Tool
              name="Duplicate"
              icon="copy"
              act={() => form.change(insert(form.document, path.slice(0, -1), index + 1, withoutId(action)), `Duplicate ${name}`)}
            />
            <Tool name="Remove" icon="trash" act={() => form.change(remove(form.document, path), `Remove ${name}`)} />
          </div>
        )}
        <FormContext.Provider value={here}>
          {field !== null && <FieldView field={field} path={[...path, name]} quiet={field.shape.kind === 'object'} />}
          <details className="lyftnb-Fields-more">
            <summary>Name and errors</summary>
            {EXTRA_FIELDS.map(extra => <FieldView key={extra.name} field={extra} path={[...path, extra.name]} />)}
          </details>
        </FormContext.Provider>
      </details>
    </li>
  );
}

interface ToolProps {
  name: string;
  icon: string;
  disabled?: boolean;
  act: () => void;
}

function Tool({ name, icon, disabled = false, act }: ToolProps): JSX.Element {
  return (
    <button type="button" disabled={disabled} aria-label={name} title={name} onClick={act}>
      <Icon name={icon} size={14} />
    </button>
  );
}

const EXTRA_FIELDS = [
  fieldOf({ type: 'string', description: 'A name for its state, kept over revisions' }, {}, 'id'),
  fieldOf({ enum: ['reject', 'drop', 'fail'], description: 'What becomes of a row that cannot pass' }, {}, 'on_error')
];

function nameOf(action: unknown): string {
  if (!isMapping(action)) {
    return String(action);
  }
  return Object.keys(action).find(key => !EXTRAS.includes(key)) ?? '';
}

/** A copy may not carry the id: ids tell actions of a step apart. */
function withoutId(action: unknown): unknown {
  if (!isMapping(action)) {
    return action;
  }
  const { id: _, ...rest } = structuredClone(action);
  return rest;
}

/** A searchable list of what may be added: type, arrows, Enter. */
function AddAction({ kinds, onAdd }: { kinds: readonly Kind[]; onAdd: (kind: Kind) => void }): JSX.Element {
  const id = useId();
  const [search, setSearch] = useState('');
  const [open, setOpen] = useState(false);
  const [chosen, setChosen] = useState(0);
  const found = kinds.filter(kind => `${kind.name} ${kind.summary}`.toLowerCase().includes(search.toLowerCase()));
  const current = Math.min(chosen, found.length - 1);
  const add = (kind: Kind | undefined): void => {
    if (kind !== undefined) {
      onAdd(kind);
      setSearch('');
      setOpen(false);
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      setOpen(true);
      setChosen(Math.max(0, Math.min(found.length - 1, current + (event.key === 'ArrowDown' ? 1 : -1))));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      add(found[current]);
    } else if (event.key === 'Escape' && open) {
      event.stopPropagation();
      setOpen(false);
    }
  };
  return (
    <div className="lyftnb-Combo">
      <input
        className="lyftnb-Input"
        role="combobox"
        aria-label="Add an action"
        aria-expanded={open}
        aria-controls={`${id}-list`}
        aria-activedescendant={open && found.length > 0 ? `${id}-${current}` : undefined}
        placeholder="+ Add an action…"
        value={search}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onChange={event => {
          setSearch(event.target.value);
          setChosen(0);
          setOpen(true);
        }}
        onKeyDown={onKeyDown}
      />
      <ul id={`${id}-list`} role="listbox" aria-label="Actions" hidden={!open} className="lyftnb-Combo-list">
        {found.map((kind, index) => (
          <li
            key={kind.name}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === current}
            onPointerDown={event => {
              event.preventDefault(); // the input keeps the focus
              add(kind);
            }}
          >
            <strong>{kind.name}</strong> {kind.summary}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** A mapping of names to values: order and focus stay when a name changes. */
import { type JSX, useId, useState } from 'react';
import { at, freeKey, type Path, put, remove, rename } from './edits';
import { Columns, useColumns } from './Columns';
import { blank, type Field, isMapping, type Keys } from './fields';
import { FieldView } from './FieldView';
import { useForm } from './form';

export interface MapFieldProps {
  value: Field;
  keys: Keys;
  path: Path;
  label: string;
}

export function MapField({ value, keys, path, label }: MapFieldProps): JSX.Element {
  const form = useForm();
  const mapping = at(form.document, path);
  const names = isMapping(mapping) ? Object.keys(mapping) : [];
  const columns = useColumns();
  const add = (): void => {
    const next = keys === 'known column' ? columns.find(column => !names.includes(column.name)) : undefined;
    const name = next?.name ?? freeKey(mapping, keys === 'name' ? 'name' : 'column');
    form.change(put(form.document, [...path, name], blank(value)), `Add to ${label}`);
  };
  return (
    <div className="lyftnb-Map">
      {names.map((name, index) => (
        // By place, not by name: a renamed entry stays the same row, and keeps the focus.
        <div key={index} className="lyftnb-Map-row">
          <NameInput name={name} keys={keys} path={[...path, name]} label={`Name ${index + 1} of ${label}`} />
          <FieldView field={value} path={[...path, name]} title={`${label}: ${name}`} quiet />
          {!form.readOnly && (
            <button
              type="button"
              className="lyftnb-Field-clear"
              aria-label={`Remove ${name}`}
              onClick={() => form.change(remove(form.document, [...path, name]), `Remove ${name}`)}
            >
              ×
            </button>
          )}
        </div>
      ))}
      {!form.readOnly && (
        <button type="button" className="lyftnb-Add" onClick={add}>
          + Add {keys === 'name' ? 'name' : 'column'}
        </button>
      )}
    </div>
  );
}

/** The name takes effect when it is left, or with Enter; Escape takes it back. */
function NameInput({ name, keys, path, label }: { name: string; keys: Keys; path: Path; label: string }): JSX.Element {
  const form = useForm();
  const id = useId();
  const offers = keys === 'known column';
  const [typed, setTyped] = useState<string | null>(null);
  const siblings = at(form.document, path.slice(0, -1));
  const taken = typed !== null && typed !== name && isMapping(siblings) && typed in siblings;
  const take = (): void => {
    if (typed !== null && typed !== name) {
      const ops = rename(form.document, path, typed.trim());
      if (ops.length > 0) {
        form.change(ops, `Rename ${name} to ${typed.trim()}`);
      }
    }
    setTyped(null);
  };
  return (
    <>
      <input
        className="lyftnb-Input lyftnb-Map-name"
        list={offers ? id : undefined}
        value={typed ?? name}
        readOnly={form.readOnly}
        spellCheck={false}
        aria-label={label}
        aria-invalid={taken || (typed ?? name) === ''}
        placeholder={offers ? 'column' : undefined}
        title={taken ? `${typed} is there already` : undefined}
        onChange={event => setTyped(event.target.value)}
        onBlur={take}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            take();
          } else if (event.key === 'Escape' && typed !== null) {
            event.stopPropagation();
            setTyped(null);
          }
        }}
      />
      {offers && <Columns id={id} />}
    </>
  );
}

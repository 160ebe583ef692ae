/** A list of values: add, remove, and move by buttons. */
import type { JSX } from 'react';
import { at, insert, move, type Path, remove } from './edits';
import { blank, type Field } from './fields';
import { FieldView } from './FieldView';
import { useForm } from './form';

export function ListField({ item: shaped, path, label }: { item: Field; path: Path; label: string }): JSX.Element {
  const form = useForm();
  // An item may be an empty text, such as one that stands for null.
  const item = { ...shaped, required: false };
  const value = at(form.document, path);
  const items = Array.isArray(value) ? value : [];
  const go = (from: number, to: number): void => form.change(move(form.document, path, from, to), `Move in ${label}`);
  return (
    <div className="lyftnb-List">
      {items.map((_, index) => (
        <div key={index} className="lyftnb-List-row">
          <FieldView field={item} path={[...path, index]} title={`${label} ${index + 1}`} quiet />
          {!form.readOnly && (
            <span className="lyftnb-List-buttons">
              <button type="button" disabled={index === 0} aria-label={`Move ${label} ${index + 1} up`} onClick={() => go(index, index - 1)}>
                ↑
              </button>
              <button type="button" disabled={index === items.length - 1} aria-label={`Move ${label} ${index + 1} down`} onClick={() => go(index, index + 1)}>
                ↓
              </button>
              <button
                type="button"
                aria-label={`Remove ${label} ${index + 1}`}
                onClick={() => form.change(remove(form.document, [...path, index]), `Remove from ${label}`)}
              >
                ×
              </button>
            </span>
          )}
        </div>
      ))}
      {!form.readOnly && (
        <button
          type="button"
          className="lyftnb-Add"
          onClick={() => form.change(insert(form.document, path, items.length, blank(item)), `Add to ${label}`)}
        >
          + Add
        </button>
      )}
    </div>
  );
}

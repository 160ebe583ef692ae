/** The columns that reach a field, to choose from. */
import type { JSX } from 'react';
import type { Column } from '../protocol';
import { useForm } from './form';

/** None, where they are not known. */
export function useColumns(): readonly Column[] {
  return useForm().vocabulary.columns ?? [];
}

/** For an input's `list`. */
export function Columns({ id }: { id: string }): JSX.Element {
  return (
    <datalist id={id}>
      {useColumns().map(column => (
        <option key={column.name} value={column.name}>
          {column.type}
        </option>
      ))}
    </datalist>
  );
}

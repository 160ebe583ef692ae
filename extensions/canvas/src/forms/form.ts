/** What every field of a form shares: the document, the ways to change it, and what is known here. */
import { createContext, useContext, useMemo } from 'react';
import type { Column, Problem } from '../protocol';
import type { Vocabulary } from './completion';
import type { Op } from '../protocol';

export interface Form {
  document: unknown;
  problems: readonly Problem[];
  readOnly: boolean;
  vocabulary: Vocabulary;
  /** Change the document; the same `merge` joins the step of undo before. */
  change: (ops: readonly Op[], label: string, merge?: string) => void;
}

export const FormContext = createContext<Form | null>(null);

/** The form, where these columns may be named. */
export function useFormWith(columns: readonly Column[] | null): Form {
  const form = useForm();
  return useMemo(() => ({ ...form, vocabulary: { ...form.vocabulary, columns } }), [form, columns]);
}

export function useForm(): Form {
  const form = useContext(FormContext);
  if (form === null) {
    throw new Error('A field needs a form around it');
  }
  return form;
}

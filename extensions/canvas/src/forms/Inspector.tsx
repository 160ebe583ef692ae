/** Holds the place of the form of the selected part. */
import type { JSX } from 'react';
import { partName } from '../editor/parts';
import { useEditor } from '../editor/model';

export function Inspector(): JSX.Element {
  const { selection } = useEditor();
  return <p className="lyftnb-Dim">{selection.map(partName).join(', ') || 'Nothing is selected.'}</p>;
}

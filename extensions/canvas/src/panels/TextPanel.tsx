/** Holds the place of the panel of the text. */
import type { JSX } from 'react';

export function TextPanel(): JSX.Element {
  return <p className="lyftnb-Dim">Nothing to show.</p>;
}

/** Holds the place of the panel of a deployment at work. */
import type { JSX } from 'react';

export function LivePanel(): JSX.Element {
  return <p className="lyftnb-Dim">Nothing to show.</p>;
}

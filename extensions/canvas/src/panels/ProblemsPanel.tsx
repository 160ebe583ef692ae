/** Holds the place of the panel of problems. */
import type { JSX } from 'react';

export function ProblemsPanel(): JSX.Element {
  return <p className="lyftnb-Dim">Nothing to show.</p>;
}

/** Holds the place of the panel of versions and plans. */
import type { JSX } from 'react';

export function PlanPanel(): JSX.Element {
  return <p className="lyftnb-Dim">Nothing to show.</p>;
}

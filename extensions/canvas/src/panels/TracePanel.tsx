/** Holds the place of the panel of a trace. */
import type { JSX } from 'react';

export function TracePanel(): JSX.Element {
  return <p className="lyftnb-Dim">Nothing to show.</p>;
}

/** A severity as a shape and a colour, with its word for screen readers. */
import type { JSX } from 'react';
import type { Severity } from './problems';

const SHAPES: Record<Severity, string> = {
  error: 'M8 1.5 14.5 8 8 14.5 1.5 8Z M7.2 4.5h1.6v4.6H7.2Z M7.2 10.2h1.6v1.6H7.2Z',
  warning: 'M8 1.5 15 14H1Z M7.2 5.8h1.6v4H7.2Z M7.2 10.9h1.6v1.6H7.2Z',
  note: 'M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0-13Z M7.2 4.3h1.6v1.6H7.2Z M7.2 7h1.6v4.6H7.2Z'
};

export function SeveritySign({ severity }: { severity: Severity }): JSX.Element {
  return (
    <svg className={`lyftnb-Sign lyftnb-mod-${severity}`} viewBox="0 0 16 16" role="img" aria-label={severity}>
      <path fillRule="evenodd" d={SHAPES[severity]} />
    </svg>
  );
}

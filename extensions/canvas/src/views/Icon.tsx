/** Small signs on buttons; the button's label says the same in words. */
import type { JSX } from 'react';

const PATHS = {
  monitor: 'M3 20h18M5 16l4-6 4 3 6-9',
  pause: 'M8 5v14M16 5v14',
  resume: 'M7 4.5v15l12-7.5z',
  remove: 'M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13',
  retry: 'M4 12a8 8 0 1 1 2.5 5.8M4 12V7M4 12h5',
  skip: 'M5 5l9 7-9 7zM18 5v14',
  close: 'M6 6l12 12M18 6L6 18',
  fire: 'M13 3L5 14h6l-1 7 8-11h-6z'
} as const;

export type IconName = keyof typeof PATHS;

export interface IconButtonProps {
  icon: IconName;
  /** What it does, with what it does it to. */
  label: string;
  /** More of it, where the label does not say all. */
  title?: string;
  disabled?: boolean;
  onClick(): void;
}

export function IconButton({ icon, label, title, disabled, onClick }: IconButtonProps): JSX.Element {
  return (
    <button
      type="button"
      className="lyftnb-IconButton"
      aria-label={label}
      title={title ?? label}
      disabled={disabled}
      onClick={onClick}
    >
      <svg width="16" height="16" viewBox="0 0 24 24" aria-hidden="true">
        <path d={PATHS[icon]} />
      </svg>
    </button>
  );
}

/** A small window over the editor: the focus stays within, Escape closes, and then goes back. */
import { useEffect, useId, useRef, type JSX, type KeyboardEvent, type ReactNode } from 'react';

export interface DialogProps {
  title: string;
  wide?: boolean;
  onClose(): void;
  children: ReactNode;
}

const FOCUSABLE = 'button:not(:disabled), input, select, textarea, [href], [tabindex="0"]';

export function Dialog({ title, wide, onClose, children }: DialogProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const id = useId();

  useEffect(() => {
    const before = document.activeElement;
    const first = box.current?.querySelector<HTMLElement>('[data-autofocus]') ?? box.current?.querySelector<HTMLElement>(FOCUSABLE);
    first?.focus();
    return () => (before as HTMLElement | null)?.focus?.();
  }, []);

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      onClose();
    } else if (event.key === 'Tab') {
      keepWithin(event, box.current);
    }
  };

  return (
    <div className="lyftnb-Backdrop" onPointerDown={event => event.target === event.currentTarget && onClose()}>
      <div
        ref={box}
        className={`lyftnb-Dialog${wide ? ' lyftnb-mod-wide' : ''}`}
        role="dialog"
        aria-modal="true"
        aria-labelledby={id}
        onKeyDown={onKeyDown}
      >
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </div>
  );
}

function keepWithin(event: KeyboardEvent, box: HTMLElement | null): void {
  const all = [...(box?.querySelectorAll<HTMLElement>(FOCUSABLE) ?? [])];
  const [first, last] = [all[0], all.at(-1)];
  if (event.shiftKey && document.activeElement === first) {
    event.preventDefault();
    last?.focus();
  } else if (!event.shiftKey && document.activeElement === last) {
    event.preventDefault();
    first?.focus();
  }
}

/** What the sections of the sidebar share. */
import type { Service } from '../../service';
import type { Target } from '../registry';

export interface SectionProps {
  service: Service;
  /** Lower case; what holds it is shown. */
  filter: string;
  open: (target: Target) => void;
}

/** Whether any of the texts holds the filter. */
export function matches(filter: string, ...texts: readonly (string | null | undefined)[]): boolean {
  return filter === '' || texts.some(text => text?.toLowerCase().includes(filter));
}

/** What is said where nothing is shown: a filter can hide only what there is. */
export function nothing(all: readonly unknown[] | null, filter: string, none: string): string {
  return filter !== '' && all?.length ? 'None matches.' : none;
}

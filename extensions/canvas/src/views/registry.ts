/** The views that a tab, or a widget, can hold: a new one is one more line in `VIEWS`. */
import type { ComponentType } from 'react';
import type { Service } from '../service';

/** A view, and what it shows: plain data, so that a lab finds it again after a reload. */
export type Target =
  | { view: 'spools'; spool?: string; deployment?: string }
  | { view: 'monitor'; deployment?: string; run?: string }
  | { view: 'state'; what?: string; name?: string }
  | { view: 'deployment'; deployment: string };

export type ViewName = Target['view'];

export interface ViewProps<V extends ViewName = ViewName> {
  service: Service;
  target: Extract<Target, { view: V }>;
  /** Open another view: beside this one in the lab. A widget has no place for that. */
  open?: (target: Target) => void;
}

export interface ViewKind<V extends ViewName = ViewName> {
  icon: 'spool' | 'monitor' | 'deployment' | 'state';
  title(target: Extract<Target, { view: V }>): string;
  component: ComponentType<ViewProps<V>>;
}

/** Tells tabs apart: the same target opens the same tab. */
export function keyOf(target: Target): string {
  return JSON.stringify(Object.entries(target).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What the palette and the window for adding offer. */
import { GENERAL, type Entry } from '../graph/add';
import type { Palette } from '../protocol';

/** How an entry travels while it is dragged. */
export const ENTRY_TYPE = 'application/x-lyftnb-entry';

const SECTIONS = { action: 'Actions', input: 'Inputs', output: 'Outputs' } as const;

export interface Offered {
  id: string;
  entry: Entry;
  name: string;
  summary: string;
  icon: string;
  section: string;
}

export function offered(palette: Palette | null): Offered[] {
  const general = GENERAL.map(entry => ({
    id: entry.entry, entry, name: entry.name, summary: entry.summary, icon: entry.icon, section: 'Steps and spools'
  }));
  const kinds = (['input', 'action', 'output'] as const).flatMap(family =>
    (palette?.kinds ?? [])
      .filter(kind => kind.family === family)
      .map(kind => ({
        id: `${family}:${kind.name}`,
        entry: { entry: 'kind', kind } as const,
        name: kind.name,
        summary: kind.summary,
        icon: kind.icon || family,
        section: SECTIONS[family]
      }))
  );
  return [...kinds, ...general];
}

export function entryById(palette: Palette | null, id: string): Entry | null {
  return offered(palette).find(one => one.id === id)?.entry ?? null;
}

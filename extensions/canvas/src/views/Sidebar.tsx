/** The workspace at a glance: sections that fold, a filter over all of them, and ways to more. */
import { useState, type ComponentType, type JSX } from 'react';
import type { Service } from '../service';
import { useWatching } from './asking';
import { WhenUp } from './parts';
import type { Target } from './registry';
import { Deployments } from './sections/Deployments';
import { Issues } from './sections/Issues';
import { Runs } from './sections/Runs';
import { Schedules } from './sections/Schedules';
import type { SectionProps } from './sections/section';
import { Spools } from './sections/Spools';

interface Section {
  name: string;
  component: ComponentType<SectionProps>;
  folded?: boolean;
}

const SECTIONS: readonly Section[] = [
  { name: 'Deployments', component: Deployments },
  { name: 'Issues', component: Issues },
  { name: 'Runs', component: Runs },
  { name: 'Schedules', component: Schedules, folded: true },
  { name: 'Spools', component: Spools, folded: true }
];

export interface SidebarProps {
  service: Service;
  open: (target: Target) => void;
}

export function Sidebar({ service, open }: SidebarProps): JSX.Element {
  return (
    <div className="lyftnb-Sidebar">
      <WhenUp service={service}>
        <UpSidebar service={service} open={open} />
      </WhenUp>
    </div>
  );
}

function UpSidebar({ service, open }: SidebarProps): JSX.Element {
  const [filter, setFilter] = useState('');
  useWatching(service, true);
  return (
    <>
      <div className="lyftnb-Sidebar-tools">
        <input
          className="lyftnb-Input"
          type="search"
          placeholder="Filter"
          aria-label="Filter the workspace"
          value={filter}
          onChange={event => setFilter(event.target.value)}
        />
        <button
          className="lyftnb-Button"
          type="button"
          title="Keys, queues, locks, contexts and secrets"
          onClick={() => open({ view: 'state' })}
        >
          State…
        </button>
      </div>
      {SECTIONS.map(({ name, component: Content, folded }) => (
        <details key={name} className="lyftnb-Section" open={!folded}>
          <summary>{name}</summary>
          <Content service={service} filter={filter.trim().toLowerCase()} open={open} />
        </details>
      ))}
    </>
  );
}

/** The large parts, each fetched when it is first shown: neither a lab's start nor a notebook's waits
 * for what nobody looks at yet. */
import { lazy, Suspense, type ComponentType, type JSX } from 'react';
import { Boundary } from './boundary';
import type { Service } from './service';

/** A component that is fetched with its first use; until then there is an empty place. */
export function later<P extends object>(fetch: () => Promise<ComponentType<P>>): (props: P) => JSX.Element {
  const Fetched = lazy(async (): Promise<{ default: ComponentType<P> }> => {
    try {
      return { default: await fetch() };
    } catch (reason) {
      return { default: () => <Unfetched reason={reason} /> };
    }
  }) as unknown as ComponentType<P>; // React's own type does not know what its props are
  return function Later(props) {
    return (
      <Suspense fallback={<div aria-busy="true" />}>
        <Boundary service={(props as { service?: Service }).service}>
          <Fetched {...props} />
        </Boundary>
      </Suspense>
    );
  };
}

/** The server is away, or has been upgraded since the page was loaded. */
function Unfetched({ reason }: { reason: unknown }): JSX.Element {
  return (
    <p className="lyftnb-Trouble" role="alert">
      This part of the page could not be fetched: reload the page.{' '}
      {reason instanceof Error ? reason.message : String(reason)}
    </p>
  );
}

/** Begin to fetch the editor, for whoever knows that it is wanted soon. */
export async function fetchEditor(): Promise<typeof import('./editor/WorkflowEditor').WorkflowEditor> {
  return (await import('./editor/WorkflowEditor')).WorkflowEditor;
}

export const WorkflowEditor = later(fetchEditor);
export const Sidebar = later(async () => (await import('./views/Sidebar')).Sidebar);

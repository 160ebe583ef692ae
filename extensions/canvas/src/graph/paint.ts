/** What a difference or a plan paints on the graph. */
import type { Document, Overlay } from '../editor/model';
import type { PartChange, Shape } from '../protocol';
import { mapping } from './document';
import { spoolId, stepId } from './graph';

/** The document and the plan that a graph is drawn of. */
export interface Drawn {
  document: Document;
  shape: Shape | null;
}

/** Under some overlays another document is shown than the draft. */
export function drawnUnder(overlay: Overlay, draft: Drawn): Drawn {
  switch (overlay.kind) {
    case 'difference':
      return { document: withRemoved(overlay.difference.after, overlay.difference.before), shape: null };
    case 'plan':
      return { document: withRemovedParts(overlay.plan.document, overlay.plan.parts), shape: overlay.plan.shape };
    case 'live':
      return { document: overlay.view.document, shape: overlay.view.shape };
    default:
      return draft;
  }
}

/** Node id → what happens to it; parts that stay as they are have no mark. */
export function marksOf(overlay: Overlay): ReadonlyMap<string, PartChange> {
  const parts =
    overlay.kind === 'difference' ? overlay.difference.parts : overlay.kind === 'plan' ? overlay.plan.parts : [];
  return new Map(
    parts
      .filter(part => part.mark !== 'keep' && (part.part === 'step' || part.part === 'channel'))
      .map(part => [part.part === 'step' ? stepId(part.name) : spoolId(part.name), part])
  );
}

/** A document with what it no longer has, so that it can be seen going. */
function withRemoved(after: Document, before: Document): Document {
  return {
    ...after,
    steps: { ...mapping(before.steps), ...mapping(after.steps) },
    channels: { ...mapping(before.channels), ...mapping(after.channels) },
    ui: {
      ...mapping(after.ui),
      steps: { ...mapping(mapping(before.ui).steps), ...mapping(mapping(after.ui).steps) },
      channels: { ...mapping(mapping(before.ui).channels), ...mapping(mapping(after.ui).channels) }
    }
  };
}

/** A plan names what goes; what it did is no longer known. */
function withRemovedParts(document: Document, parts: readonly PartChange[]): Document {
  const gone = (part: PartChange['part']): [string, unknown][] =>
    parts
      .filter(change => change.part === part && change.mark === 'remove')
      .map(change => [change.name, part === 'channel' ? { transport: 'spool' } : {}]);
  return {
    ...document,
    steps: { ...Object.fromEntries(gone('step')), ...mapping(document.steps) },
    channels: { ...Object.fromEntries(gone('channel')), ...mapping(document.channels) }
  };
}

// @vitest-environment jsdom
import { act, cleanup, render } from '@testing-library/react';
import { afterEach, describe, expect, it } from 'vitest';
import type { ChannelShape, Shape } from '../protocol';
import { EditorContext, type Document, type EditorModel } from './model';
import { useWorkbench, WorkbenchProvider, type Workbench } from './workbench';

afterEach(cleanup);

const steps = { read: { out: 'rows' }, tidy: { in: 'rows', out: 'kept' }, write: { in: 'kept' } };

/** A plan in which a channel of the document is a spool. */
function planWith(spool: string): Shape {
  const channel = { name: spool, transport: 'spool', reason: 'read by others' } as ChannelShape;
  return { revision: 1, groups: {}, relays: [], text: '', stages: [], channels: [channel] };
}

function shown(): { show(document: Document, shape: Shape | null): Workbench } {
  let bench: Workbench | null = null;
  const Look = (): null => {
    bench = useWorkbench();
    return null;
  };
  const editor = (document: Document, shape: Shape | null): JSX.Element => {
    const model = { document, shape, overlay: { kind: 'none' }, problems: [], readOnly: false } as unknown as EditorModel;
    return (
      <EditorContext.Provider value={model}>
        <WorkbenchProvider>
          <Look />
        </WorkbenchProvider>
      </EditorContext.Provider>
    );
  };
  const { rerender } = render(editor({}, null));
  return {
    show: (document, shape) => {
      act(() => rerender(editor(document, shape)));
      return bench as unknown as Workbench;
    }
  };
}

const at = ({ places }: Workbench, id: string): number => places.get(id)!.x;

describe('places', () => {
  it('are made anew when the plan of what was opened comes', () => {
    const { show } = shown();
    const document = { steps };
    const before = show(document, null);
    const after = show(document, planWith('rows'));
    expect(at(after, 'step:read')).toBeLessThan(at(after, 'spool:rows'));
    expect(at(after, 'spool:rows')).toBeLessThan(at(after, 'step:tidy'));
    expect(after.places.get('spool:rows')!.y - before.places.get('step:tidy')!.y).toBeLessThan(20);
  });

  it('stay once something was edited, but for what makes room', () => {
    const { show } = shown();
    show({ steps }, null);
    const edited = { steps, ui: { steps: { write: { x: 2000, y: 300 } } } };
    const before = show(edited, null);
    const after = show(edited, planWith('rows'));
    for (const id of ['step:read', 'step:write']) {
      expect(after.places.get(id)).toEqual(before.places.get(id));
    }
  });
});

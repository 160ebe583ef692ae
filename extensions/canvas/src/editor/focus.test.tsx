// @vitest-environment jsdom
import { cleanup, render, waitFor } from '@testing-library/react';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { EditorContext, type EditorModel } from './model';
import { useFirstFocus } from './focus';
import { useWorkbench, WorkbenchProvider } from './workbench';

const MODEL = { document: {}, shape: null, overlay: { kind: 'none' }, problems: [], readOnly: false } as unknown as EditorModel;

beforeAll(() => {
  // jsdom lays nothing out.
  Element.prototype.checkVisibility = function (this: Element) {
    return this.closest('[hidden]') === null;
  };
});
afterEach(() => {
  cleanup();
  document.body.replaceChildren();
});

function Editor(): JSX.Element {
  const { root, camera } = useWorkbench();
  camera.current = { fit() {}, zoom() {}, show() {}, focus: () => root.current?.querySelector<HTMLElement>('button')?.focus() };
  useFirstFocus(true);
  return (
    <div ref={root}>
      <button type="button">canvas</button>
    </div>
  );
}

function come(): HTMLElement {
  return render(
    <EditorContext.Provider value={MODEL}>
      <WorkbenchProvider>
        <Editor />
      </WorkbenchProvider>
    </EditorContext.Provider>
  ).getByText('canvas');
}

/** Something of the lab has the focus when the editor comes. */
function held(html: string): HTMLElement {
  const there = document.createElement('div');
  there.innerHTML = html;
  document.body.append(there);
  there.querySelector<HTMLElement>('input, button, p')!.focus();
  return there;
}

it('is taken where nobody types', () => {
  held('<p tabindex="-1">spinner</p>');
  const canvas = come();
  expect(document.activeElement).toBe(canvas);
});

it('is left to a field', () => {
  const field = held('<input>').firstChild;
  come();
  expect(document.activeElement).toBe(field);
});

it('is taken from a field that is hidden, which browsers leave it for a while', () => {
  held('<input>').hidden = true;
  const canvas = come();
  expect(document.activeElement).toBe(canvas);
});

it('is left to a window until that is closed', async () => {
  const there = held('<div role="dialog"><button>Close</button></div>');
  const canvas = come();
  expect(document.activeElement).not.toBe(canvas);
  there.remove();
  await waitFor(() => expect(document.activeElement).toBe(canvas));
});

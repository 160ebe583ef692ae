/** The YAML beside the canvas: two views of one draft, in step both ways. */
import { useEffect, useRef, useState, type JSX } from 'react';
import { useEditor, type EditorModel, type Part } from '../editor/model';
import type { Trouble } from '../protocol';
import { troubleOf } from '../views/asking';
import { TroubleNote } from '../views/parts';
import { lineOf, yamlEditor, type YamlEditor } from './yamlEditor';

/** Typing rests so long before the draft takes the text. */
const REST_MS = 350;

export function TextPanel(): JSX.Element {
  const editor = useEditor();
  const { parent, trouble } = useText(editor);
  const broken = editor.document === null;
  return (
    <div className="lyftnb-TextPanel">
      {broken && (
        <p className="lyftnb-TextPanel-broken" role="status">
          The text cannot be read as a workflow: the canvas waits until it can.
        </p>
      )}
      <TroubleNote trouble={trouble} />
      <div className="lyftnb-TextPanel-text" ref={parent} />
    </div>
  );
}

interface Shown {
  parent: (element: HTMLDivElement | null) => void;
  trouble: Trouble | null;
}

/** Keeps a text editor and the draft in step. What is being typed is never overwritten: text of the
 * draft is taken while nothing waits to be sent. */
function useText(model: EditorModel): Shown {
  const { service, draft, revision, readOnly, selection, connected } = model;
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const box = useRef<YamlEditor | null>(null);
  const waiting = useRef<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  const latest = useRef(model);
  latest.current = model;

  useEffect(() => {
    if (element === null) {
      return undefined;
    }
    const send = (): void => {
      clearTimeout(timer.current);
      const text = waiting.current;
      if (text === null) {
        return;
      }
      latest.current.replaceText(text).then(
        () => {
          if (waiting.current === text) {
            waiting.current = null;
          }
          setTrouble(null);
        },
        reason => setTrouble(troubleOf(reason))
      );
    };
    const made = yamlEditor(element, text => {
      waiting.current = text;
      clearTimeout(timer.current);
      timer.current = setTimeout(send, REST_MS);
    });
    box.current = made;
    return () => {
      send();
      box.current = null;
      made.view.destroy();
    };
  }, [element]);

  useEffect(() => box.current?.setReadOnly(readOnly), [element, readOnly]);

  useEffect(() => {
    if (element === null || !connected) {
      return undefined;
    }
    const control = new AbortController();
    service.ask('draft.text', { draft }, { signal: control.signal }).then(
      source => {
        if (waiting.current === null && box.current !== null) {
          box.current.take(source.text);
          box.current.mark(source.problems);
        }
      },
      reason => control.signal.aborted || setTrouble(troubleOf(reason))
    );
    return () => control.abort();
  }, [element, service, draft, revision, connected]);

  const part = selection.length === 1 ? selection[0] : undefined;
  const place = part === undefined ? '' : JSON.stringify(part);
  useEffect(() => {
    const text = box.current?.view.state.doc.toString();
    const line = part === undefined || text === undefined ? null : placeIn(text, part);
    if (line !== null && !box.current?.view.hasFocus) {
      box.current?.show(line);
    }
    // `place` stands for part.
  }, [element, place]);

  return { parent: setElement, trouble };
}

function placeIn(text: string, part: Part): number | null {
  switch (part.kind) {
    case 'step':
      return lineOf(text, 'steps', part.name);
    case 'channel':
      return lineOf(text, 'channels', part.name);
    case 'message':
      return lineOf(text, 'steps', part.from.split('.')[0] ?? part.from);
    case 'workflow':
      return 1;
  }
}

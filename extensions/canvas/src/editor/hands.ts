/** The editor's actions, for whoever handles a gesture. */
import { useMemo } from 'react';
import { Actions } from './actions';
import type { Hands } from './commands';
import { useEditor } from './model';
import { useWorkbench } from './workbench';

export function useHands(): Hands {
  const editor = useEditor();
  const bench = useWorkbench();
  return useMemo(() => ({ editor, bench, actions: new Actions(editor, bench) }), [editor, bench]);
}

export function useActions(): Actions {
  return useHands().actions;
}

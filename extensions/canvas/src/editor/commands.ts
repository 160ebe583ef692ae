/** All that the editor does at a key, a menu or a button: one table, which the key sheet prints. */
import type { KeyboardEvent } from 'react';
import type { Actions } from './actions';
import type { EditorModel } from './model';
import type { Workbench } from './workbench';

export interface Hands {
  editor: EditorModel;
  bench: Workbench;
  actions: Actions;
}

export interface Command {
  id: string;
  label: string;
  icon?: string;
  /** As on the key sheet: `Mod` is Ctrl, or Cmd on a Mac. */
  keys: readonly string[];
  section: 'Graph' | 'Edit' | 'View' | 'Work';
  /** Works only while the focus is on the canvas or the outline. */
  onGraph?: boolean;
  edits?: boolean;
  enabled?(hands: Hands): boolean;
  run(hands: Hands): void;
}

const DIRECTIONS = ['Left', 'Right', 'Up', 'Down'] as const;
const chosen = ({ editor }: Hands): boolean => editor.selection.length > 0;
const several = ({ editor }: Hands): boolean => editor.selection.length > 1;
const named = ({ actions }: Hands): boolean => actions.current?.kind === 'step' || actions.current?.kind === 'channel';

export const COMMANDS: readonly Command[] = [
  {
    id: 'add', label: 'Add a step or spool', icon: 'add', keys: ['A'], section: 'Graph', edits: true,
    run: ({ bench }) => bench.open({ kind: 'add' })
  },
  {
    id: 'connect', label: 'Connect', icon: 'link', keys: ['C'], section: 'Graph', edits: true,
    enabled: named,
    run: ({ bench }) => bench.open({ kind: 'connect' })
  },
  {
    id: 'rename', label: 'Rename', icon: 'text', keys: ['F2'], section: 'Graph', edits: true, enabled: named,
    run: ({ bench, actions }) => actions.current !== null && bench.open({ kind: 'rename', part: actions.current })
  },
  {
    id: 'properties', label: 'Properties', icon: 'properties', keys: ['Enter'], section: 'Graph', onGraph: true,
    run: ({ bench }) => bench.goTo('inspector')
  },
  {
    id: 'remove', label: 'Delete', icon: 'trash', keys: ['Delete', 'Backspace'], section: 'Graph', onGraph: true, edits: true,
    enabled: hands => chosen(hands) || hands.bench.edges.length > 0,
    run: ({ actions }) => actions.remove()
  },
  ...DIRECTIONS.map((side): Command => ({ id: `walk-${side}`, label: `Walk ${side.toLowerCase()}`, keys: [`Arrow${side}`], section: 'Graph', onGraph: true, run: ({ actions }) => actions.walk(side.toLowerCase() as Lowercase<typeof side>) })),
  ...DIRECTIONS.map((side): Command => ({ id: `move-${side}`, label: `Move ${side.toLowerCase()}`, keys: [`Alt+Arrow${side}`], section: 'Graph', onGraph: true, edits: true, enabled: chosen, run: ({ actions }) => actions.move(side.toLowerCase() as Lowercase<typeof side>) })),
  {
    id: 'undo', label: 'Undo', icon: 'undo', keys: ['Mod+Z'], section: 'Edit',
    enabled: ({ editor }) => !editor.readOnly,
    run: ({ editor }) => editor.undo()
  },
  {
    id: 'redo', label: 'Redo', icon: 'redo', keys: ['Mod+Shift+Z', 'Mod+Y'], section: 'Edit',
    enabled: ({ editor }) => !editor.readOnly,
    run: ({ editor }) => editor.redo()
  },
  {
    id: 'duplicate', label: 'Duplicate', keys: ['Mod+D'], section: 'Edit', edits: true, enabled: chosen,
    run: ({ actions }) => actions.duplicate()
  },
  {
    id: 'all', label: 'Select all', keys: ['Mod+A'], section: 'Edit', onGraph: true,
    run: ({ actions }) => actions.selectAll()
  },
  {
    id: 'align-left', label: 'Align left edges', keys: ['Shift+ArrowLeft'], section: 'Edit', onGraph: true, edits: true,
    enabled: several,
    run: ({ actions }) => actions.align('left')
  },
  {
    id: 'align-right', label: 'Align right edges', keys: ['Shift+ArrowRight'], section: 'Edit', onGraph: true, edits: true,
    enabled: several,
    run: ({ actions }) => actions.align('right')
  },
  {
    id: 'align-top', label: 'Align tops', keys: ['Shift+ArrowUp'], section: 'Edit', onGraph: true, edits: true,
    enabled: several,
    run: ({ actions }) => actions.align('top')
  },
  {
    id: 'align-bottom', label: 'Align bottoms', keys: ['Shift+ArrowDown'], section: 'Edit', onGraph: true, edits: true,
    enabled: several,
    run: ({ actions }) => actions.align('bottom')
  },
  {
    id: 'layout', label: 'Lay out', icon: 'layout', keys: ['L'], section: 'View',
    run: ({ actions }) => actions.layOut()
  },
  {
    id: 'fit', label: 'Zoom to fit', icon: 'fit', keys: ['F'], section: 'View',
    run: ({ bench }) => bench.camera.current?.fit()
  },
  {
    id: 'zoom-in', label: 'Zoom in', icon: 'add', keys: ['+', '='], section: 'View',
    run: ({ bench }) => bench.camera.current?.zoom(1)
  },
  {
    id: 'zoom-out', label: 'Zoom out', icon: 'minus', keys: ['-'], section: 'View',
    run: ({ bench }) => bench.camera.current?.zoom(-1)
  },
  {
    id: 'search', label: 'Find a step or channel', icon: 'search', keys: ['/', 'Mod+F'], section: 'View',
    run: ({ bench }) => bench.open({ kind: 'search' })
  },
  {
    id: 'outline', label: 'Outline', icon: 'outline', keys: ['O'], section: 'View',
    run: ({ bench }) => bench.goTo('outline')
  },
  {
    id: 'palette', label: 'Palette', icon: 'block', keys: ['P'], section: 'View', edits: true,
    run: ({ bench }) => bench.goTo('palette')
  },
  {
    id: 'trace', label: 'Run & trace on a sample', icon: 'play', keys: ['T'], section: 'Work',
    enabled: ({ editor }) => !editor.readOnly,
    run: ({ editor }) => editor.trace()
  },
  {
    id: 'problems', label: 'Problems', icon: 'warning', keys: ['!'], section: 'Work',
    run: ({ bench }) => bench.goTo('problems')
  },
  {
    id: 'plan', label: 'Publish, plan, apply', icon: 'plan', keys: ['G'], section: 'Work',
    run: ({ bench }) => bench.goTo('plan')
  },
  {
    id: 'live', label: 'Watch', icon: 'live', keys: ['W'], section: 'Work',
    run: ({ editor }) => editor.openPanel('live')
  },
  {
    id: 'text', label: 'YAML', icon: 'text', keys: ['Y'], section: 'Work',
    run: ({ bench }) => bench.goTo('text')
  },
  {
    id: 'keys', label: 'Keys', icon: 'help', keys: ['?'], section: 'View',
    run: ({ bench }) => bench.open({ kind: 'keys' })
  },
];

export function command(id: string): Command {
  const found = COMMANDS.find(one => one.id === id);
  if (found === undefined) {
    throw new Error(`there is no command ${id}`);
  }
  return found;
}

export function isEnabled(one: Command, hands: Hands): boolean {
  return (!one.edits || hands.actions.canEdit) && (one.enabled?.(hands) ?? true);
}

/** The command that a key means, where it was typed. */
export function commandFor(event: KeyboardEvent, onGraph: boolean): Command | null {
  const typed = keyOf(event);
  return (
    COMMANDS.find(one => (onGraph || !one.onGraph) && one.keys.some(key => key === typed)) ?? null
  );
}

/** A key as the table writes it. Signs that need Shift stand for themselves. */
function keyOf(event: KeyboardEvent): string {
  const name = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const isLetter = /^[A-Z]$/.test(name);
  return [
    event.ctrlKey || event.metaKey ? 'Mod' : '',
    event.altKey ? 'Alt' : '',
    event.shiftKey && (isLetter || event.key.length > 1) ? 'Shift' : '',
    name
  ]
    .filter(Boolean)
    .join('+');
}

/** A key as a person reads it. */
export function keyInWords(key: string): string {
  const mac = /Mac|iPhone|iPad/.test(navigator.platform);
  const arrows: Record<string, string> = { ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓' };
  return key
    .split(/\+(?!$)/)
    .map(part => (part === 'Mod' ? (mac ? '⌘' : 'Ctrl') : (arrows[part] ?? part)))
    .join(' ');
}

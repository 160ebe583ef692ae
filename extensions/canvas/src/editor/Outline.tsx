/** The graph as a tree to read and to walk: every node once, in the order of the data, with its edges
 * below it. It is the way of screen readers, and a list for big graphs. */
import { useMemo, useRef, useState, type JSX, type KeyboardEvent } from 'react';
import { partOf, type Edge, type Node } from '../graph/graph';
import { inOrder } from '../graph/walk';
import type { Problem } from '../protocol';
import type { Part } from './model';
import { problemsInWords } from './describing';
import { useHands } from './hands';
import { Icon } from './icons';
import { samePart } from './parts';

interface Item {
  id: string;
  part: Part;
  text: string;
  icon: string;
  level: 1 | 2;
  note: string;
  /** Whether the note tells of more than notes. */
  alarming: boolean;
  /** Below a node: the node at the edge's other end. */
  leads: Part | null;
  edge: Edge | null;
  children: number;
}

export function Outline(): JSX.Element {
  const { editor, bench, actions } = useHands();
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [at, setAt] = useState<string | null>(null);
  const tree = useRef<HTMLUListElement>(null);
  const { graph, problems } = bench;
  const items = useMemo(
    () => inOrder(graph).flatMap(node => itemsOf(node, graph.edges, problems.get(node.id) ?? [], open.has(node.id))),
    [graph, problems, open]
  );
  const chosen = editor.selection.at(-1);
  const current = items.find(item => item.id === at) ?? items.find(item => chosen !== undefined && samePart(item.part, chosen)) ?? items[0];

  const go = (item: Item | undefined): void => {
    if (item !== undefined) {
      setAt(item.id);
      editor.select([item.part]);
      bench.pickEdges(item.edge === null ? [] : [item.edge]);
      actions.show(item.leads ?? item.part);
      tree.current?.querySelector<HTMLElement>(`[data-item="${CSS.escape(item.id)}"]`)?.focus();
    }
  };
  const fold = (item: Item, unfolded: boolean): void =>
    setOpen(before => new Set(unfolded ? [...before, item.id] : [...before].filter(id => id !== item.id)));

  const onKeyDown = (event: KeyboardEvent): void => {
    if (current === undefined || event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    const index = items.indexOf(current);
    const moves: Record<string, () => void> = {
      ArrowDown: () => go(items[index + 1]),
      ArrowUp: () => go(items[index - 1]),
      Home: () => go(items[0]),
      End: () => go(items.at(-1)),
      ArrowRight: () => (current.children > 0 && !open.has(current.id) ? fold(current, true) : go(items[index + 1])),
      ArrowLeft: () => (open.has(current.id) ? fold(current, false) : go(parentOf(items, index)))
    };
    const move = moves[event.key];
    if (move !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      move();
    }
  };

  return (
    <ul ref={tree} className="lyftnb-Outline" role="tree" aria-label="Outline of the workflow" onKeyDown={onKeyDown}>
      {items.map(item => (
        <li
          key={item.id}
          data-item={item.id}
          role="treeitem"
          aria-level={item.level}
          aria-expanded={item.children > 0 ? open.has(item.id) : undefined}
          aria-selected={editor.selection.some(part => samePart(part, item.part))}
          tabIndex={item === current ? 0 : -1}
          className={`lyftnb-mod-level${item.level}`}
          onClick={() => go(item)}
          onDoubleClick={() => bench.goTo('inspector')}
        >
          {item.level === 1 && (
            <span
              className="lyftnb-Outline-fold"
              aria-hidden="true"
              onClick={event => {
                event.stopPropagation();
                fold(item, !open.has(item.id));
              }}
            >
              {item.children === 0 ? '' : open.has(item.id) ? '▾' : '▸'}
            </span>
          )}
          <Icon name={item.icon} size={14} />
          <span>{item.text}</span>
          {item.note !== '' && <em data-alarming={item.alarming}>{item.note}</em>}
        </li>
      ))}
      {items.length === 0 && <li role="treeitem" aria-selected="false" className="lyftnb-Dim">No steps yet</li>}
    </ul>
  );
}

function itemsOf(node: Node, edges: readonly Edge[], problems: readonly Problem[], unfolded: boolean): Item[] {
  const touching = edges.filter(edge => edge.tail === node.id || edge.head === node.id);
  const own: Item = {
    id: node.id,
    part: partOf(node),
    text: node.name,
    icon: node.kind === 'step' ? node.icon : 'spool',
    level: 1,
    note: problemsInWords(problems),
    alarming: problems.some(problem => problem.severity !== 'note'),
    leads: null,
    edge: null,
    children: touching.length
  };
  return unfolded ? [own, ...touching.map(edge => edgeItem(node, edge))] : [own];
}

function edgeItem(node: Node, edge: Edge): Item {
  const outward = edge.tail === node.id;
  const [kind, name = ''] = (outward ? edge.head : edge.tail).split(':');
  const what = edge.kind === 'message' ? `message ${edge.name}` : edge.kind === 'worker' ? edge.name : edge.kind === 'table' ? 'table' : '';
  return {
    id: `${node.id} ${edge.id}`,
    part: edge.part,
    text: `${outward ? 'to' : 'from'} ${name}${what === '' ? '' : ` (${what})`}`,
    icon: edge.kind === 'message' ? 'message' : 'link',
    level: 2,
    note: '',
    alarming: false,
    leads: kind === 'step' ? { kind: 'step', name } : { kind: 'channel', name },
    edge,
    children: 0
  };
}

function parentOf(items: readonly Item[], index: number): Item | undefined {
  return items.slice(0, index).reverse().find(item => item.level === 1);
}

/** Nodes in a sentence, for screen readers and tips. */
import type { Graph, Node } from '../graph/graph';
import type { Problem } from '../protocol';
import { counted } from './format';

/** `step clean: filter, derive. Reads raw. Writes checked. 1 error.` */
export function describeNode(node: Node, graph: Graph, problems: readonly Problem[]): string {
  const into = graph.edges.filter(edge => edge.head === node.id);
  const outOf = graph.edges.filter(edge => edge.tail === node.id);
  const data = (edges: typeof into): string[] =>
    edges.filter(edge => edge.kind !== 'message').map(edge => edge.name);
  const sentences =
    node.kind === 'step'
      ? [
          `step ${node.name}${node.summary ? `: ${node.summary}` : ''}`,
          listed('Reads', data(into)),
          listed('Writes', node.ports.map(port => (port.name === 'out' ? port.channel : `${port.channel} from ${port.name}`))),
          listed('Woken by', into.filter(edge => edge.kind === 'message').map(edge => edge.name)),
          node.trigger && `Trigger: ${node.trigger}`
        ]
      : [
          `spool ${node.name}${node.summary ? `, ${node.summary}` : ''}`,
          listed('Written by', into.map(edge => edge.tail.split(':')[1] ?? '')) || 'Nobody writes it',
          listed('Read by', outOf.map(edge => edge.head.split(':')[1] ?? '')) || 'Nobody reads it'
        ];
  return `${[...sentences, problemsInWords(problems)].filter(Boolean).join('. ')}.`;
}

/** `2 errors, 1 warning`; empty, if there is neither. */
export function problemsInWords(problems: readonly Problem[]): string {
  const count = (severity: Problem['severity']): number =>
    problems.filter(problem => problem.severity === severity).length;
  return (['error', 'warning', 'note'] as const)
    .filter(severity => count(severity) > 0)
    .map(severity => counted(count(severity), severity))
    .join(', ');
}

function listed(what: string, names: readonly string[]): string {
  return names.length === 0 ? '' : `${what} ${[...new Set(names)].join(', ')}`;
}

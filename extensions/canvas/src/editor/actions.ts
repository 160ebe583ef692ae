/** What a person can do to the graph, by whatever hand: keys, menus, toolbar, mouse. */
import { tablesOf } from '../forms/besideTables';
import { columnsAfter, columnsBehind, fitted } from '../forms/fitting';
import { addBetween, addInto, addOps, entryName, type Entry } from '../graph/add';
import { aligned, type Side } from '../graph/align';
import { copied, pasted } from '../graph/clipboard';
import { connectOps, refusalOf, sourceInWords, sourcesOf, type Source, type Target } from '../graph/connect';
import { stepsOf } from '../graph/document';
import { placeOps, unplaceOps } from '../graph/fixed';
import { partOf, spoolId, stepId, type Edge, type Graph } from '../graph/graph';
import { applyOps, put } from '../graph/ops';
import { disconnectOps, removeOps } from '../graph/remove';
import { renameOps, type Deployed } from '../graph/rename';
import type { Places, Point } from '../graph/sizes';
import { nodeTowards, inOrder, type Direction } from '../graph/walk';
import type { Column, Kind, Op } from '../protocol';
import { describeNode } from './describing';
import { counted } from './format';
import type { EditorModel, Part } from './model';
import { partName, samePart } from './parts';
import { selectedNodes, type Workbench } from './workbench';

const NUDGE = 12;

export class Actions {
  constructor(
    private readonly editor: EditorModel,
    private readonly bench: Workbench
  ) {}

  /** The step or channel that keys act on: the one selected last. */
  get current(): Part | null {
    return this.editor.selection.at(-1) ?? null;
  }

  /** Also while the draft is being opened: what is begun then is done once it is there. */
  get canEdit(): boolean {
    const { document, revision } = this.editor;
    return (document !== null || revision === 0) && !this.bench.locked;
  }

  /** Add a new part; behind a source, or else behind the step that is selected. A selected step that
   * gives nothing yet gets a port. */
  add(entry: Entry, at?: Point, source?: Source): void {
    const { document } = this.editor;
    if (document === null) {
      return;
    }
    const behind = source ?? (at === undefined && entry.entry !== 'spool' ? this.giver() : null);
    const { ops, part } = addOps(document, fittedEntry(entry, columnsBehind(this.editor.schemas, behind)), behind);
    this.edit([...ops, ...placed(part, at)], `add ${entryName(entry)}`, [part]);
    this.show(part);
    this.editor.announce(`Added ${partName(part)}${behind === null ? '' : `, behind ${sourceInWords(behind)}`}`);
  }

  /** Into the body of a step; says so, if there is no place. */
  addInto(kind: Kind, step: string): void {
    const { document, schemas } = this.editor;
    const ops =
      document === null ? null : addInto(document, fitted(kind, columnsAfter(schemas, step), tablesOf(document, schemas, step)), step);
    if (ops === null) {
      this.editor.announce(`${step} has no place for ${kind.name}`, 'error');
      return;
    }
    this.edit(ops, `add ${kind.name} to ${step}`, [{ kind: 'step', name: step }]);
    this.editor.announce(`Added ${kind.name} to ${step}`);
  }

  /** Into a channel, between its ends; otherwise beside it. */
  addBetween(kind: Kind, edge: Edge, at: Point): void {
    const { document, schemas } = this.editor;
    const columns = schemas?.channels[edge.name] ?? null;
    const added = document === null ? null : addBetween(document, fitted(kind, columns), edge);
    if (added === null) {
      this.add({ entry: 'kind', kind }, at);
      return;
    }
    this.edit([...added.ops, ...placed(added.part, at)], `add ${kind.name}`, [added.part]);
    this.editor.announce(`Added ${partName(added.part)} into ${edge.name}`);
  }

  connect(source: Source, target: Target): void {
    const { document } = this.editor;
    if (document === null || !this.canEdit) {
      return;
    }
    const refusal = refusalOf(document, source, target);
    if (refusal !== null) {
      this.editor.announce(`Cannot connect ${sourceInWords(source)} with ${target.name}: ${refusal}`, 'error');
      return;
    }
    this.edit(connectOps(document, source, target), `connect with ${target.name}`);
    this.editor.announce(`Connected ${sourceInWords(source)} with ${target.name}`);
  }

  rename(part: Part, name: string, deployed: Deployed): void {
    const { document } = this.editor;
    if (document === null || (part.kind !== 'step' && part.kind !== 'channel' && part.kind !== 'workflow')) {
      return;
    }
    const renamed: Part = part.kind === 'workflow' ? part : { kind: part.kind, name };
    if (part.kind === 'step') {
      this.bench.movePlace(stepId(part.name), stepId(name));
    } else if (part.kind === 'channel') {
      this.bench.movePlace(spoolId(part.name), spoolId(name));
    }
    this.edit(renameOps(document, part, name, deployed), `rename to ${name}`, [renamed]);
    this.editor.announce(`Renamed to ${name}`);
  }

  /** Picked edges are cut; otherwise the selected parts go. */
  remove(): void {
    const { document, selection } = this.editor;
    const { edges } = this.bench;
    const parts = selection.filter(part => part.kind !== 'workflow' && !edges.some(edge => samePart(edge.part, part)));
    if (document === null || !this.canEdit || parts.length + edges.length === 0) {
      return;
    }
    const cut = disconnectOps(document, edges);
    const next = this.neighbourOf(parts);
    const ops = [...cut, ...removeOps(applyOps(document, cut).document, parts)];
    this.edit(ops, `remove ${counted(parts.length + edges.length, 'part')}`, next);
    this.bench.pickEdges([]);
    this.editor.announce(`Removed ${[...edges.map(edge => `edge ${edge.name}`), ...parts.map(partName)].join(', ')}`);
  }

  /** The selection as text, for the clipboard; empty: nothing to copy. */
  copied(): string {
    const { document, selection } = this.editor;
    return document === null ? '' : copied(document, selection, this.bench.places);
  }

  paste(text: string): void {
    const { document } = this.editor;
    if (document === null || !this.canEdit) {
      return;
    }
    const found = pasted(document, text, [...this.bench.places.values()]);
    if (found === null) {
      this.editor.announce('The clipboard holds no steps', 'error');
      return;
    }
    this.edit(found.ops, `paste ${counted(found.parts.length, 'part')}`, found.parts);
    this.editor.announce(`Pasted ${found.parts.map(partName).join(', ')}`);
  }

  duplicate(): void {
    const text = this.copied();
    if (text !== '') {
      this.paste(text);
    }
  }

  selectAll(): void {
    this.editor.select(this.bench.graph.nodes.map(partOf));
    this.editor.announce(`Selected all ${counted(this.bench.graph.nodes.length, 'node')}`, 'spoken');
  }

  /** Walk to the next node that way. */
  walk(direction: Direction): void {
    const { graph, places } = this.bench;
    const from = selectedNodes(graph, this.current === null ? [] : [this.current])[0];
    const id = from === undefined ? inOrder(graph)[0]?.id : nodeTowards(graph, places, from.id, direction);
    const node = graph.nodes.find(one => one.id === id);
    if (node === undefined) {
      this.editor.announce(`Nothing further ${direction}`, 'spoken');
      return;
    }
    this.editor.select([partOf(node)]);
    this.bench.pickEdges([]);
    this.bench.camera.current?.show([node.id]);
    this.editor.announce(describeNode(node, graph, this.bench.problems.get(node.id) ?? []), 'spoken');
  }

  move(direction: Direction): void {
    const by = { left: [-NUDGE, 0], right: [NUDGE, 0], up: [0, -NUDGE], down: [0, NUDGE] }[direction];
    const nodes = selectedNodes(this.bench.graph, this.editor.selection);
    const moved = new Map(
      nodes.map(node => {
        const { x, y } = this.bench.places.get(node.id) ?? { x: 0, y: 0 };
        return [node.id, { x: x + (by[0] ?? 0), y: y + (by[1] ?? 0) }];
      })
    );
    this.place(moved, 'move', 'move');
  }

  /** Make nodes stand somewhere, and write it into the document. */
  place(places: Places, label: string, merge?: string): void {
    const nodes = this.bench.graph.nodes.filter(node => places.has(node.id));
    if (this.canEdit && nodes.length > 0) {
      this.editor.edit(placeOps(nodes, places), label, merge === undefined ? {} : { merge });
    }
  }

  align(side: Side): void {
    const nodes = selectedNodes(this.bench.graph, this.editor.selection);
    if (nodes.length > 1) {
      this.place(aligned(nodes, this.bench.places, side), 'align');
      this.editor.announce(`Aligned ${counted(nodes.length, 'node')}`);
    }
  }

  /** Lay out the selected nodes anew, or all. */
  layOut(): void {
    const { document, selection } = this.editor;
    const chosen = selectedNodes(this.bench.graph, selection);
    if (document !== null && this.canEdit) {
      this.edit(unplaceOps(document, chosen.length > 1 ? chosen : this.bench.graph.nodes), 'lay out');
    }
    this.bench.layOut();
    this.editor.announce('Laid out from left to right', 'spoken');
    requestAnimationFrame(() => this.bench.camera.current?.fit());
  }

  show(part: Part): void {
    const id = part.kind === 'step' ? stepId(part.name) : part.kind === 'channel' ? spoolId(part.name) : null;
    if (id !== null) {
      // The node is drawn with the next frame.
      requestAnimationFrame(() => this.bench.camera.current?.show([id]));
    }
  }

  /** What the selected part gives events by; an output gives none. */
  private giver(): Source | null {
    const { document } = this.editor;
    if (document === null || this.current === null) {
      return null;
    }
    const [first] = sourcesOf(document, this.current);
    const ends = this.current.kind === 'step' && stepsOf(document)[this.current.name]?.output !== undefined;
    return first === undefined || (first.kind === 'new port' && ends) ? null : first;
  }

  private edit(ops: readonly Op[], label: string, select?: readonly Part[]): void {
    if (this.canEdit) {
      this.editor.edit(ops, label, select === undefined ? {} : { select });
    }
  }

  /** What keys act on once parts are gone: the node before the first of them. */
  private neighbourOf(parts: readonly Part[]): Part[] {
    const { graph, places } = this.bench;
    const going = new Set(selectedNodes(graph, parts).map(node => node.id));
    const [first] = going;
    const next = first === undefined ? null : nodeTowards(withoutNodes(graph, going, first), places, first, 'left');
    const node = graph.nodes.find(one => one.id === next && !going.has(one.id));
    return node === undefined ? [] : [partOf(node)];
  }
}

function fittedEntry(entry: Entry, columns: readonly Column[] | null): Entry {
  return entry.entry === 'kind' ? { ...entry, kind: fitted(entry.kind, columns) } : entry;
}

function withoutNodes(graph: Graph, going: ReadonlySet<string>, but: string): Graph {
  const stays = (id: string): boolean => id === but || !going.has(id);
  return {
    ...graph,
    nodes: graph.nodes.filter(node => stays(node.id)),
    edges: graph.edges.filter(edge => stays(edge.tail) && stays(edge.head))
  };
}

function placed(part: Part, at: Point | undefined): Op[] {
  if (at === undefined || (part.kind !== 'step' && part.kind !== 'channel')) {
    return [];
  }
  const place = { x: Math.round(at.x), y: Math.round(at.y) };
  return [put(['ui', part.kind === 'step' ? 'steps' : 'channels', part.name], place)];
}

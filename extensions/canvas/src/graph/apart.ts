/** Frames and nodes that came to cover one another, moved apart. */
import type { Graph } from './graph';
import { around, boxesOf, overlap, padded, type Box, type Places, type Point } from './sizes';

/** What moves as one: the steps of a stage, or a node that is in none. */
interface Block {
  box: Box;
  nodes: readonly string[];
}

const GAP = 20;

/** Places at which no stage's frame covers another, or a node that is not in it: what does moves down, in the
 * order in which things stand. Whatever a person has had a hand in stays as it is. */
export function apart(graph: Graph, places: Map<string, Point>, fixed: Places): Map<string, Point> {
  const blocks = blocksOf(graph, places, fixed);
  blocks.sort((one, other) => one.box.y - other.box.y || one.box.x - other.box.x);
  const settled: Box[] = [];
  for (const { box, nodes } of blocks) {
    const y = freeBelow(box, settled);
    settled.push({ ...box, y });
    for (const id of y === box.y ? [] : nodes) {
      const place = places.get(id) as Point;
      places.set(id, { x: place.x, y: place.y + y - box.y });
    }
  }
  return places;
}

function blocksOf(graph: Graph, places: Places, fixed: Places): Block[] {
  const boxes = new Map(boxesOf(graph.nodes, places).map(({ id, ...box }) => [id, box]));
  const framed = new Set(graph.regions.flatMap(region => region.nodes));
  const alone = graph.nodes.flatMap(({ id }) => (framed.has(id) ? [] : [[id]]));
  return [...graph.regions.map(region => region.nodes), ...alone]
    .filter(nodes => !nodes.some(id => fixed.has(id)))
    .flatMap(nodes => {
      const own = nodes.flatMap(id => boxes.get(id) ?? []);
      const box = around(framed.has(nodes[0] ?? '') ? own.map(padded) : own);
      return box === null ? [] : [{ box, nodes }];
    });
}

/** How far down a box has to stand to cover none of the others. */
function freeBelow(box: Box, others: readonly Box[]): number {
  let { y } = box;
  for (let moved = true; moved; ) {
    moved = false;
    for (const other of others) {
      if (overlap({ ...box, y }, other)) {
        y = other.y + other.height + GAP;
        moved = true;
      }
    }
  }
  return y;
}

/** Frames around stages, or around the steps of a stage that one worker group runs. */
import { DEFAULT_GROUP, type Graph, type Node, type Region } from './graph';
import { around, boxesOf, overlap, padded, PADDING, type Box, type Places, type Point } from './sizes';

/** What is framed. */
export type Framing = 'stages' | 'groups' | 'nothing';

export interface Frame extends Box {
  id: string;
  region: Region;
  /** Where its title can be read; `over`: only above the node that is in its way. */
  title: 'top' | 'bottom' | 'over';
}

type Part = Omit<Frame, 'title'>;

/** Room between a frame's side and a line that passes within it. */
const BESIDE_LINE = 8;
const TITLE = 22;

/** The frames. One is drawn around all steps of a region, unless something else stands between them: where
 * a person has put them so, there are several, each around what stands together. */
export function framesOf(
  graph: Graph,
  places: Places,
  bends: ReadonlyMap<string, readonly Point[]>,
  framing: Framing
): Frame[] {
  const regions = regionsOf(graph, framing);
  const regionOf = new Map(regions.flatMap(region => region.nodes.map(id => [id, region] as const)));
  const nodes = boxesOf(graph.nodes, places);
  const boxes = nodes.map(({ id, ...box }) => ({ id, ...(regionOf.has(id) ? padded(box) : box) }));
  const lines = linesWithin(graph, regionOf, bends);
  const drawn: Part[] = [];
  for (const region of regions) {
    const isFree = (box: Box): boolean =>
      !boxes.some(other => overlap(box, other) && regionOf.get(other.id) !== region) &&
      !drawn.some(other => overlap(box, other) && other.region !== region);
    const parts = gathered(boxes.filter(({ id }) => regionOf.get(id) === region), isFree);
    parts.forEach((part, index) => {
      const whole = parts.length > 1 ? part : (around([part, ...(lines.get(region) ?? [])]) ?? part);
      const id = index === 0 ? region.id : `${region.id}/${index}`;
      drawn.push({ id, region, ...(isFree(whole) ? whole : part) });
    });
  }
  return drawn.map(part => titled(part, nodes.filter(({ id }) => regionOf.get(id) !== part.region)));
}

function regionsOf(graph: Graph, framing: Framing): readonly Region[] {
  const named = graph.regions.filter(region => region.title !== '');
  return framing === 'stages' ? named : framing === 'groups' ? groupsOf(graph.nodes, named) : [];
}

function groupsOf(nodes: readonly Node[], stages: readonly Region[]): Region[] {
  const stageOf = new Map(stages.flatMap(stage => stage.nodes.map(id => [id, stage.id] as const)));
  const regions = new Map<string, { title: string; nodes: string[] }>();
  for (const node of nodes) {
    if (node.kind === 'step' && node.group !== DEFAULT_GROUP) {
      const id = `group:${node.group}:${stageOf.get(node.id) ?? ''}`;
      const region = regions.get(id) ?? { title: `group ${node.group}`, nodes: [] };
      region.nodes.push(node.id);
      regions.set(id, region);
    }
  }
  return [...regions].map(([id, region]) => ({ id, kind: 'group', ...region }));
}

/** The boxes around members: one, or as few as a look from the left finds that cover nothing else. */
function gathered(members: readonly Box[], isFree: (box: Box) => boolean): Box[] {
  const whole = around(members);
  if (whole === null || members.length === 1 || isFree(whole)) {
    return whole === null ? [] : [whole];
  }
  const parts: Box[] = [];
  for (const { x, y, width, height } of [...members].sort((one, other) => one.x - other.x || one.y - other.y)) {
    const member = { x, y, width, height };
    const joined = parts.map(part => around([part, member]) as Box);
    const index = joined.findIndex(isFree);
    if (index < 0) {
      parts.push(member);
    } else {
      parts[index] = joined[index] as Box;
    }
  }
  return parts;
}

/** By region: where lines between its steps bend. */
function linesWithin(
  graph: Graph,
  regionOf: ReadonlyMap<string, Region>,
  bends: ReadonlyMap<string, readonly Point[]>
): Map<Region, Box[]> {
  const lines = new Map<Region, Box[]>();
  for (const { id, tail, head } of graph.edges) {
    const [region, points] = [regionOf.get(tail), bends.get(id)];
    if (region !== undefined && points !== undefined && regionOf.get(head) === region) {
      const passed = points.map(({ x, y }) => ({ x, y: y - BESIDE_LINE, width: 0, height: 2 * BESIDE_LINE }));
      lines.set(region, [...(lines.get(region) ?? []), ...passed]);
    }
  }
  return lines;
}

/** A title stands where no other node does: nodes are drawn over frames. */
function titled(part: Part, others: readonly Box[]): Frame {
  const { y, height } = part;
  const isFree = (top: number): boolean => !others.some(other => overlap({ ...part, y: top, height: TITLE }, other));
  const longer = height + PADDING.top - PADDING.bottom;
  return isFree(y)
    ? { ...part, title: 'top' }
    : isFree(y + longer - TITLE)
      ? { ...part, title: 'bottom', height: longer }
      : { ...part, title: 'over' };
}

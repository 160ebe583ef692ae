/** Nodes brought in line. */
import type { Node } from './graph';
import { boxesOf, type Places, type Point, type Size } from './sizes';

export type Side = 'left' | 'right' | 'top' | 'bottom' | 'middle' | 'row';

/** The nodes' places, with one side in line. */
export function aligned(nodes: readonly Node[], places: Places, side: Side): Map<string, Point> {
  const boxes = boxesOf(nodes, places);
  const to = {
    left: Math.min(...boxes.map(box => box.x)),
    right: Math.max(...boxes.map(box => box.x + box.width)),
    top: Math.min(...boxes.map(box => box.y)),
    bottom: Math.max(...boxes.map(box => box.y + box.height)),
    middle: mean(boxes.map(box => box.x + box.width / 2)),
    row: mean(boxes.map(box => box.y + box.height / 2))
  }[side];
  return new Map(boxes.map(box => [box.id, alongside(box, side, to)]));
}

function alongside(box: Point & Size, side: Side, to: number): Point {
  switch (side) {
    case 'left':
      return { x: to, y: box.y };
    case 'right':
      return { x: to - box.width, y: box.y };
    case 'middle':
      return { x: to - box.width / 2, y: box.y };
    case 'top':
      return { x: box.x, y: to };
    case 'bottom':
      return { x: box.x, y: to - box.height };
    case 'row':
      return { x: box.x, y: to - box.height / 2 };
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
}

/** Heights settled: what stands far from its neighbours without need moves towards them.
 *
 * Each unit in turn moves to the median of where its lines would be level, as far as what is above and below
 * allows: so its lines become shorter, those within a frame first. Units are whole parts of the graph that level
 * lines hold together, then frames, and then what is in them. */
import { roomsOf, type Room } from './heights';
import type { Layers, Segment, Vertex } from './shape';

const ROUNDS = 2;

export function settled(layers: Layers, tops: Float64Array, room: Room): void {
  const settling = new Settling(layers, tops, room);
  for (let round = 0, moved = true; moved && round < ROUNDS; round += 1) {
    moved = settling.settle(settling.parts());
    moved = settling.settle(settling.wholes()) || moved;
    moved = settling.settle(settling.members()) || moved;
    settling.tighten();
  }
}

class Settling {
  private readonly all: readonly Vertex[];
  private readonly rooms: ReturnType<typeof roomsOf>;
  private readonly frames: readonly Vertex[][];
  /** By vertex: the number of its unit. */
  private readonly unit: Int32Array;

  constructor(
    private readonly layers: Layers,
    private readonly tops: Float64Array,
    room: Room
  ) {
    this.all = layers.flat();
    this.rooms = roomsOf(room);
    this.unit = new Int32Array(this.all.length);
    const frames = new Map<object, Vertex[]>();
    for (const vertex of this.all) {
      if (vertex.frame !== null) {
        const own = frames.get(vertex.frame);
        if (own === undefined) {
          frames.set(vertex.frame, [vertex]);
        } else {
          own.push(vertex);
        }
      }
    }
    this.frames = [...frames.values()];
  }

  /** What level lines hold together; frames move as one. */
  parts(): Vertex[][] {
    return this.gathered(segment => !segment.loose && Math.abs(this.rise(segment)) < 0.5, true);
  }

  /** Frames, boxes that are in none, and the level parts of lines. */
  wholes(): Vertex[][] {
    return this.gathered(
      segment => segment.tail.kind === 'bend' && segment.head.kind === 'bend' && Math.abs(this.rise(segment)) < 0.5,
      true
    );
  }

  /** What is in frames, each by itself. */
  members(): Vertex[][] {
    return this.gathered(
      segment => segment.tail.kind !== 'box' && segment.head.kind !== 'box' && Math.abs(this.rise(segment)) < 0.5,
      false
    ).filter(([first]) => first?.frame !== null && (first?.kind === 'box' || first?.kind === 'bend'));
  }

  /** Let units move; the answer: whether any did. */
  settle(units: readonly Vertex[][]): boolean {
    let moved = false;
    for (const unit of units) {
      const by = this.shiftOf(unit);
      if (Math.abs(by) >= 0.5) {
        moved = true;
        for (const { index } of unit) {
          this.tops[index] = (this.tops[index] ?? 0) + by;
        }
      }
    }
    return moved;
  }

  /** The sides of frames as near to what is in them as they may be. */
  tighten(): void {
    for (const frame of this.frames) {
      const [tops, bottoms] = [frame.filter(({ kind }) => kind === 'top'), frame.filter(({ kind }) => kind === 'bottom')];
      const top = Math.min(...tops.map(side => this.top(this.beside(side, 1)) - this.rooms.top[this.beside(side, 1).kind]));
      const bottom = Math.max(
        ...bottoms.map(side => {
          const over = this.beside(side, -1);
          return this.top(over) + over.height + this.rooms[over.kind].bottom;
        })
      );
      tops.forEach(({ index }) => (this.tops[index] = top));
      bottoms.forEach(({ index }) => (this.tops[index] = bottom));
    }
  }

  private top({ index }: Vertex): number {
    return this.tops[index] ?? 0;
  }

  private beside(vertex: Vertex, by: 1 | -1): Vertex {
    return this.layers[vertex.rank]?.[vertex.order + by] as Vertex;
  }

  /** How much lower a segment's head is than its tail. */
  private rise({ tail, head, from, to }: Segment): number {
    return this.top(head) + to - this.top(tail) - from;
  }

  /** Units joined by segments; or by frames, too. */
  private gathered(joins: (segment: Segment) => boolean, framed: boolean): Vertex[][] {
    const root = this.unit.map((_, index) => index);
    const find = (index: number): number => {
      let at = index;
      while (root[at] !== at) {
        root[at] = root[root[at] as number] as number;
        at = root[at] as number;
      }
      return at;
    };
    for (const vertex of this.all) {
      for (const segment of vertex.out) {
        if (joins(segment)) {
          root[find(segment.head.index)] = find(vertex.index);
        }
      }
    }
    for (const [first, ...others] of framed ? this.frames : []) {
      others.forEach(({ index }) => (root[find(index)] = find(first?.index ?? 0)));
    }
    const units: Vertex[][] = [];
    const place = new Int32Array(this.all.length).fill(-1);
    for (const vertex of this.all) {
      const unit = find(vertex.index);
      this.unit[vertex.index] = unit;
      if (place[unit] === -1) {
        place[unit] = units.push([vertex]) - 1;
      } else {
        units[place[unit] as number]?.push(vertex);
      }
    }
    return units;
  }

  private shiftOf(unit: readonly Vertex[]): number {
    const rises: number[] = [];
    for (const vertex of unit) {
      const own = this.unit[vertex.index];
      const pull = (segment: Segment, other: Vertex, rise: number): void => {
        if (!segment.loose && this.unit[other.index] !== own) {
          rises.push(rise);
          if (vertex.frame !== null && vertex.frame === other.frame) {
            rises.push(rise); // what is in a frame stands together
          }
        }
      };
      vertex.into.forEach(segment => pull(segment, segment.tail, -this.rise(segment)));
      vertex.out.forEach(segment => pull(segment, segment.head, this.rise(segment)));
    }
    const wish = middleOf(rises);
    return wish === 0 ? 0 : wish > 0 ? Math.min(wish, this.roomOf(unit, 1)) : -Math.min(-wish, this.roomOf(unit, -1));
  }

  /** How far a unit can move down, or up. */
  private roomOf(unit: readonly Vertex[], by: 1 | -1): number {
    let least = Infinity;
    for (const vertex of unit) {
      const other = this.layers[vertex.rank]?.[vertex.order + by];
      if (other !== undefined && this.unit[other.index] !== this.unit[vertex.index]) {
        const [upper, lower] = by > 0 ? [vertex, other] : [other, vertex];
        const free = this.top(lower) - this.top(upper) - upper.height - this.rooms[upper.kind][lower.kind];
        least = Math.min(least, free);
      }
    }
    return Math.max(least, 0);
  }
}

/** The median; of those that are as good, the one next to nothing. */
function middleOf(rises: number[]): number {
  if (rises.length === 0) {
    return 0;
  }
  rises.sort((one, other) => one - other);
  const half = (rises.length - 1) / 2;
  const [low = 0, high = 0] = [rises[Math.floor(half)], rises[Math.ceil(half)]];
  return low > 0 ? low : high < 0 ? high : 0;
}

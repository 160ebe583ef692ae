/** The stages that a plan will have, as far as the document alone tells: what frames an action needs, and
 * which tables wait for which stage, the planner knows better. */
import { readingsOf, type Mapping } from './document';

interface Steps {
  bodies: Readonly<Record<string, Mapping>>;
  /** The step that writes a channel in memory; null: it is a spool, or nobody writes it. */
  writerOf(channel: string): string | null;
}

/** Step → its stage. Those of `planned` keep theirs; others join the stage that they read from in memory, or
 * begin one of their own name. */
export function foreseenStages({ bodies, writerOf }: Steps, planned: ReadonlyMap<string, string>): Map<string, string> {
  const stages = new Map(planned);
  const way = new Set<string>();
  const stageOf = (step: string): string => {
    const known = stages.get(step);
    if (known !== undefined || way.has(step)) {
      return known ?? step;
    }
    way.add(step);
    const body = bodies[step] ?? {};
    const writers = standsAlone(body) ? [] : readingsOf(body).filter(({ table }) => !table).map(({ channel }) => writerOf(channel));
    const sources = new Set(writers.map(writer => (writer === null ? null : stageOf(writer))));
    const [source = null] = sources;
    const stage = sources.size === 1 && source !== null ? source : step;
    stages.set(step, stage);
    return stage;
  };
  Object.keys(bodies).forEach(stageOf);
  return stages;
}

/** Whether a step's own words make it the root of a stage. */
function standsAlone({ trigger, frame, paused, retry, notebook }: Mapping): boolean {
  return [trigger, retry, notebook].some(own => own !== undefined) || paused === true || (frame ?? 'batch') !== 'batch';
}

/** Numbers and times as people read them. */
import type { Run } from '../protocol';

const COUNT = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const STEPS: readonly [number, string][] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's']
];

export function count(value: number): string {
  return Math.abs(value) < 100_000 ? COUNT.format(value) : SHORT.format(value);
}

/** "1 row", "2 rows". */
export function many(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : noun.endsWith('ch') ? 'es' : 's'}`;
}

export function bytes(value: number): string {
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${size < 10 && unit > 0 ? size.toFixed(1) : Math.round(size)} ${UNITS[unit]}`;
}

export function seconds(value: number): string {
  if (value < 1) {
    return `${Math.round(value * 1000)} ms`;
  }
  if (value < 10) {
    return `${value.toFixed(1)} s`;
  }
  const at = STEPS.findIndex(([size]) => value >= size);
  const [size, unit] = STEPS[at] ?? [1, 's'];
  const whole = Math.floor(value / size);
  const next = STEPS[at + 1];
  const rest = next === undefined ? 0 : Math.floor((value - whole * size) / next[0]);
  return rest > 0 && next !== undefined ? `${whole} ${unit} ${rest} ${next[1]}` : `${whole} ${unit}`;
}

/** "3 min ago", "in 2 h"; `now` in milliseconds. */
export function ago(time: string, now: number = Date.now()): string {
  const past = (now - Date.parse(time)) / 1000;
  if (Math.abs(past) < 1) {
    return 'now';
  }
  const size = STEPS.find(([each]) => Math.abs(past) >= each) ?? [1, 's'];
  const words = `${Math.floor(Math.abs(past) / size[0])} ${size[1]}`;
  return past > 0 ? `${words} ago` : `in ${words}`;
}

/** How long a run took; null: it has not ended, or was noted with the commit of its only batch, and has no
 * time of its own. */
export function took(run: Pick<Run, 'started_at' | 'ended_at'>): number | null {
  const passed = run.started_at && run.ended_at ? Date.parse(run.ended_at) - Date.parse(run.started_at) : 0;
  return passed > 0 ? passed / 1000 : null;
}

export function moment(time: string): string {
  return new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
}

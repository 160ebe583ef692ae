/** Numbers for small places. */

const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** 1234 → 1.2K. */
export function compact(value: number): string {
  return COMPACT.format(value);
}

/** `1 step`, `3 steps`. */
export function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

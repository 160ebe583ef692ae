/** Where texts speak of columns. */

export function mentions(value: unknown, column: string): boolean {
  if (typeof value === 'string') {
    return replaced(value, new Map([[column, '']])) !== value;
  }
  return typeof value === 'object' && value !== null
    ? Object.entries(value).some(([key, inner]) => key === column || mentions(inner, column))
    : false;
}

/** The text with other names: whole words, but not within quoted text. */
export function replaced(text: string, names: ReadonlyMap<string, string>): string {
  return text
    .split(/('[^']*')/)
    .map((piece, index) => (index % 2 === 1 ? piece : piece.replace(/\w+/g, word => names.get(word) ?? word)))
    .join('');
}

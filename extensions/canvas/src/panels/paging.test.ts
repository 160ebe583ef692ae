import { expect, it, vi } from 'vitest';
import type { Table, TraceRows } from '../protocol';
import type { Service } from '../service';
import { allRows, joined } from './paging';

function page(offset: number, length: number, total = 100): Table {
  const rows = Array.from({ length }, (_, at) => [offset + at]);
  return { columns: [{ name: 'n', type: 'int64' }], rows, offset, total };
}

it('joins pages that touch, on either side', () => {
  expect(joined(page(0, 10), page(10, 10))).toEqual(page(0, 20));
  expect(joined(page(10, 10), page(0, 10))).toEqual(page(0, 20));
  expect(joined(page(0, 20), page(5, 5))).toEqual(page(0, 20));
});

it('begins anew with a page that stands apart', () => {
  expect(joined(page(0, 10), page(50, 10))).toEqual(page(50, 10));
  expect(joined(page(50, 10), page(0, 10))).toEqual(page(0, 10));
});

it('reads all rows, page after page', async () => {
  const ask = vi.fn((_op: string, { offset, limit }: TraceRows) =>
    Promise.resolve(page(offset ?? 0, Math.min(limit ?? 50, 2_300 - (offset ?? 0)), 2_300))
  );
  const service = { ask } as unknown as Service;
  expect(await allRows(service, { trace: 't', step: 's', at: 'a' })).toEqual(page(0, 2_300, 2_300));
  expect(ask).toHaveBeenCalledTimes(3);
});

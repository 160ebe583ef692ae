import { describe, expect, it } from 'vitest';
import { stepOf } from './LivePanel';

const SHOP = {
  workflow: 'shop',
  steps: { read: { out: 'raw' }, split: { in: 'raw', out: { a: 'left', b: 'right' } } }
};

describe('stepOf', () => {
  it('finds who fills a spool, through any port', () => {
    expect(stepOf(SHOP, { view: 'spools', spool: 'shop.raw' })).toBe('read');
    expect(stepOf(SHOP, { view: 'spools', spool: 'shop.right' })).toBe('split');
  });

  it('finds whose rejects a spool holds', () => {
    expect(stepOf(SHOP, { view: 'spools', spool: 'shop.split_rejects' })).toBe('split');
  });

  it('finds nobody for what no step has to do with', () => {
    expect(stepOf(SHOP, { view: 'spools', spool: 'other.lines' })).toBeNull();
    expect(stepOf(SHOP, { view: 'monitor', deployment: 'shop' })).toBeNull();
    expect(stepOf(null, { view: 'spools', spool: 'shop.raw' })).toBeNull();
  });
});

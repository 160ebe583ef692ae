import { describe, expect, it } from 'vitest';
import type { DeploymentStatus } from '../protocol';
import { ownOf, stepOf } from './LivePanel';

const SHOP = {
  workflow: 'shop',
  steps: { read: { out: 'raw' }, split: { in: 'raw', out: { a: 'left', b: 'right' } } }
};

function status(name: string, ref: string): DeploymentStatus {
  return {
    name,
    ref,
    context: null,
    revision: 1,
    sync: 'synced',
    sync_reason: '',
    health: 'healthy',
    health_reason: ''
  } as DeploymentStatus;
}

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

describe('ownOf', () => {
  it('keeps the deployments of the workflow, whatever their names', () => {
    const all = [status('shop', 'shop@3'), status('shop_prod', 'shop@2'), status('shopping', 'shopping@1')];
    expect(ownOf(SHOP, all).map(each => each.name)).toEqual(['shop', 'shop_prod']);
  });
});

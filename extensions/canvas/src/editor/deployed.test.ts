import { describe, expect, it } from 'vitest';
import type { DeploymentStatus } from '../protocol';
import { ServiceError, type Service } from '../service';
import { deployedSteps, ownOf } from './deployed';

const SHOP = { workflow: 'shop', steps: {} };
const STATUSES = [status('shop', 'shop@3'), status('shop_prod', 'shop@2'), status('shopping', 'shopping@1')];

function status(name: string, ref: string): DeploymentStatus {
  return { name, ref } as DeploymentStatus;
}

function answering(answer: () => Promise<unknown>): Service {
  return { ask: answer, on: () => () => undefined, onConnection: () => () => undefined } as unknown as Service;
}

describe('ownOf', () => {
  it('keeps the deployments of the workflow, whatever their names', () => {
    expect(ownOf(SHOP, STATUSES).map(each => each.name)).toEqual(['shop', 'shop_prod']);
  });
});

describe('deployedSteps', () => {
  it('knows what is told', async () => {
    expect(await deployedSteps(answering(() => Promise.resolve(['read', 'join'])), SHOP)).toEqual(new Set(['read', 'join']));
  });

  it('does not take silence for none', async () => {
    const trouble = { code: 'disconnected', message: '', where: null, hint: null, facts: {}, problems: [] };
    expect(await deployedSteps(answering(() => Promise.reject(new ServiceError(trouble))), SHOP)).toBeNull();
    expect(await deployedSteps(answering(() => Promise.resolve(null)), SHOP)).toBeNull();
  });
});

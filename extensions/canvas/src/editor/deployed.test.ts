import { describe, expect, it } from 'vitest';
import type { Answers, DeploymentStatus, Questions } from '../protocol';
import { ServiceError, type Service } from '../service';
import { deployedSteps, ownOf } from './deployed';

const SHOP = { workflow: 'shop', steps: {} };
const STATUSES = [status('shop', 'shop@3'), status('shop_prod', 'shop@2'), status('shopping', 'shopping@1')];
const RUNS: Record<string, object> = { shop: { read: {}, split: {} }, shop_prod: { read: {}, join: {} } };

function status(name: string, ref: string): DeploymentStatus {
  return { name, ref } as DeploymentStatus;
}

function workspace(state: 'up' | 'down', asked: string[] = []): Service {
  return {
    ask: <Q extends keyof Questions>(op: Q, params: Questions[Q]): Promise<Answers[Q]> => {
      asked.push(op);
      const { deployment = '' } = params as { deployment?: string };
      const answers: Record<string, unknown> = {
        workspace: { state },
        deployments: STATUSES,
        deployment: { document: { steps: RUNS[deployment] } }
      };
      return Promise.resolve(answers[op] as Answers[Q]);
    },
    on: () => () => undefined,
    onConnection: () => () => undefined
  };
}

describe('ownOf', () => {
  it('keeps the deployments of the workflow, whatever their names', () => {
    expect(ownOf(SHOP, STATUSES).map(each => each.name)).toEqual(['shop', 'shop_prod']);
  });
});

describe('deployedSteps', () => {
  it('knows the steps of all deployments of the workflow', async () => {
    expect([...(await deployedSteps(workspace('up'), SHOP))].sort()).toEqual(['join', 'read', 'split']);
  });

  it('starts no manager', async () => {
    const asked: string[] = [];
    expect((await deployedSteps(workspace('down', asked), SHOP)).size).toBe(0);
    expect(asked).toEqual(['workspace']);
  });

  it('knows of none where nobody answers', async () => {
    const service = workspace('up');
    service.ask = () => Promise.reject(new ServiceError({ code: 'disconnected', message: '', where: null, hint: null, facts: {}, problems: [] }));
    expect((await deployedSteps(service, SHOP)).size).toBe(0);
  });
});

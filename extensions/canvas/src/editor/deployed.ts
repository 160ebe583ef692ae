/** What of a workflow runs right now. */
import { stepsOf } from '../graph/document';
import type { DeploymentStatus } from '../protocol';
import { ServiceError, type Service } from '../service';
import type { Document } from './model';

/** The deployments of a document's workflow. */
export function ownOf(document: Document | null, statuses: readonly DeploymentStatus[]): DeploymentStatus[] {
  const workflow = document?.['workflow'];
  return statuses.filter(each => each.ref.split('@')[0] === workflow);
}

/** The steps of all deployments of a document's workflow. Starts no manager: while none is up, or
 * nobody answers, none is known. */
export async function deployedSteps(service: Service, document: Document): Promise<ReadonlySet<string>> {
  try {
    const { state } = await service.ask('workspace', {});
    if (state !== 'up') {
      return new Set();
    }
    const own = ownOf(document, await service.ask('deployments', {}));
    const views = await Promise.all(own.map(({ name }) => service.ask('deployment', { deployment: name })));
    return new Set(views.flatMap(view => Object.keys(stepsOf(view.document))));
  } catch (error) {
    if (error instanceof ServiceError) {
      return new Set();
    }
    throw error;
  }
}

/** What of a workflow runs right now. */
import type { Deployed } from '../graph/rename';
import type { DeploymentStatus } from '../protocol';
import { ServiceError, type Service } from '../service';
import type { Document } from './model';

/** The deployments of a document's workflow. */
export function ownOf(document: Document | null, statuses: readonly DeploymentStatus[]): DeploymentStatus[] {
  const workflow = document?.['workflow'];
  return statuses.filter(each => each.ref.split('@')[0] === workflow);
}

/** The name that somebody gave to a deployment; null: it is what its workflow comes to by itself. */
export function givenName(name: string, ref: string, context: string | null): string | null {
  const workflow = ref.split('@')[0];
  return name === workflow || name === `${workflow}_${context}` ? null : name;
}

/** The steps of all deployments of a document's workflow, whether or not a manager is up; null: nobody
 * is there to tell. */
export async function deployedSteps(service: Service, document: Document): Promise<Deployed> {
  try {
    const steps = await service.ask('deployed.steps', { workflow: String(document['workflow'] ?? '') });
    return steps === null ? null : new Set(steps);
  } catch (error) {
    if (error instanceof ServiceError) {
      return null;
    }
    throw error;
  }
}

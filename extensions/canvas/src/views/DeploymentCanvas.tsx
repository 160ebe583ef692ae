/** A deployment on the canvas: what is applied, with live numbers, to look at and to handle. */
import type { JSX } from 'react';
import { WorkflowEditor } from '../editor/WorkflowEditor';
import { WhenUp } from './parts';
import type { ViewProps } from './registry';

export function DeploymentCanvas({ service, target }: ViewProps<'deployment'>): JSX.Element {
  const { deployment } = target;
  return (
    <div className="lyftnb-View lyftnb-DeploymentCanvas">
      <WhenUp service={service}>
        <WorkflowEditor
          service={service}
          draft={`deployment ${deployment}`}
          text=""
          mode="show"
          deployment={deployment}
          start={{ panel: 'live' }}
        />
      </WhenUp>
    </div>
  );
}

/** Where each step runs, and in how many parts: kept with the deployment, not with the version. */
import type { JSX } from 'react';
import { useEditor } from '../../editor/model';
import { useAnswer } from '../../views/asking';
import { Empty, TroubleNote } from '../../views/parts';
import { placesOf, withGroup, withReplicas, type StepPlace } from './settings';
import type { Planning } from './usePlanning';
import { chosenOf, DRAFT } from './way';

export function StepSettings({ planning }: { planning: Planning }): JSX.Element {
  const { service, document } = useEditor();
  const { choice } = planning.standing;
  const ofDraft = choice.version === DRAFT;
  const running = chosenOf(choice, planning.deployments);
  const version = useAnswer(service, 'version', ofDraft ? null : { ref: choice.version });
  const view = useAnswer(service, 'deployment', running === undefined ? null : { deployment: running.name });
  const places = placesOf(
    ofDraft ? document : (version.answer?.document ?? null),
    view.answer?.deployment.settings ?? null
  );
  return (
    <>
      <TroubleNote trouble={version.trouble ?? view.trouble} />
      {places.length === 0 && <Empty>There are no steps to place yet.</Empty>}
      {places.length > 0 && (
        <div className="lyftnb-Scroll">
          <p className="lyftnb-Plan-why">
            They hold for the deployment, over what the document says, from the next apply on.
          </p>
          <table className="lyftnb-Table lyftnb-Plan-settings" aria-label="Groups and replicas of steps">
            <thead>
              <tr>
                <th scope="col">Step</th>
                <th scope="col">Worker group</th>
                <th scope="col">Replicas</th>
              </tr>
            </thead>
            <tbody>
              {places.map(place => (
                <PlaceRow key={place.step} place={place} planning={planning} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

function PlaceRow({ place, planning }: { place: StepPlace; planning: Planning }): JSX.Element {
  const { palette } = useEditor();
  const { standing, choose } = planning;
  const { choice } = standing;
  return (
    <tr>
      <th scope="row">{place.step}</th>
      <td>
        <select
          className="lyftnb-Input"
          aria-label={`Worker group of ${place.step}`}
          value={choice.groups[place.step] ?? ''}
          onChange={event => choose(withGroup(choice, place.step, event.target.value))}
        >
          <option value="">as it is: {place.group}</option>
          {palette?.groups.map(group => (
            <option key={group}>{group}</option>
          ))}
        </select>
      </td>
      <td>
        <input
          className="lyftnb-Input"
          type="number"
          min={1}
          aria-label={`Replicas of ${place.step}`}
          placeholder={place.replicas === null ? 'as slots' : String(place.replicas)}
          value={choice.replicas[place.step] ?? ''}
          onChange={event => choose(withReplicas(choice, place.step, event.target.value))}
        />
      </td>
    </tr>
  );
}

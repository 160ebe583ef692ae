/** All places of a trace in the order of the graph, step by step. */
import { type JSX, type KeyboardEvent, useEffect, useId, useMemo, useRef } from 'react';
import type { Sighting, TracePoint } from '../protocol';
import { count } from '../views/format';
import { inWords, keyOf, samePlace, stepsOf } from './tracing';

export interface TraceStripProps {
  places: readonly TracePoint[];
  current: TracePoint;
  /** Where the followed row is. */
  sightings: readonly Sighting[];
  onChoose: (place: TracePoint, rejects?: boolean) => void;
}

/** One stop for Tab: left and right walk from place to place, up and down from step to step. */
export function TraceStrip({ places, current, sightings, onChoose }: TraceStripProps): JSX.Element {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const steps = useMemo(() => stepsOf(places), [places]);
  const seen = useMemo(() => new Set(sightings.map(keyOf)), [sightings]);
  const at = places.findIndex(place => samePlace(place, current));
  useEffect(() => {
    list.current?.querySelector('[aria-selected=true]')?.scrollIntoView?.({ block: 'nearest', inline: 'nearest' });
  }, [at]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const to = walked(event.key, at, places, steps);
    if (to !== undefined) {
      event.preventDefault();
      onChoose(to);
    }
  };
  return (
    <div
      ref={list}
      className="lyftnb-Strip"
      role="listbox"
      aria-label="Places of the trace: left and right from place to place, up and down from step to step"
      aria-orientation="horizontal"
      aria-activedescendant={`${id}-${at}`}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      {steps.map((step, stepAt) => (
        <div key={step.step} role="group" className="lyftnb-Strip-step" aria-labelledby={`${id}-step-${stepAt}`}>
          <span id={`${id}-step-${stepAt}`} className="lyftnb-Strip-name" title={step.step}>
            {step.step}
          </span>
          <div className="lyftnb-Strip-places" role="presentation">
            {step.places.map(place => (
              <Place
                key={place.at}
                id={`${id}-${places.indexOf(place)}`}
                place={place}
                current={samePlace(place, current)}
                seen={seen.has(keyOf(place))}
                onChoose={onChoose}
              />
            ))}
          </div>
        </div>
      ))}
    </div>
  );
}

interface PlaceProps {
  id: string;
  place: TracePoint;
  current: boolean;
  seen: boolean;
  onChoose: TraceStripProps['onChoose'];
}

function Place({ id, place, current, seen, onChoose }: PlaceProps): JSX.Element {
  return (
    <div
      id={id}
      role="option"
      aria-selected={current}
      title={inWords(place)}
      className={seen ? 'lyftnb-Strip-place lyftnb-mod-seen' : 'lyftnb-Strip-place'}
      onClick={() => onChoose(place)}
    >
      {seen && <Sign sign="◆" words="the followed row is here" />}
      <span className="lyftnb-Strip-at">{place.at}</span>{' '}
      <span className="lyftnb-Strip-rows">
        {count(place.rows)} <span className="lyftnb-Unseen">rows</span>
      </span>
      {place.rejects > 0 && (
        <span className="lyftnb-Strip-alarm">
          <Sign sign="⊘" words="rejects" /> {count(place.rejects)}
        </span>
      )}
      {place.error !== null && (
        <span className="lyftnb-Strip-alarm">
          <Sign sign="✕" words="failed" />
        </span>
      )}
    </div>
  );
}

/** A sign, and what it says to those who do not see it. */
function Sign({ sign, words }: { sign: string; words: string }): JSX.Element {
  return (
    <>
      <span aria-hidden="true">{sign}</span>
      <span className="lyftnb-Unseen">, {words} </span>
    </>
  );
}

function walked(
  key: string,
  at: number,
  places: readonly TracePoint[],
  steps: ReturnType<typeof stepsOf>
): TracePoint | undefined {
  const step = steps.findIndex(each => each.step === places[at]?.step);
  switch (key) {
    case 'ArrowRight':
      return places[at + 1];
    case 'ArrowLeft':
      return places[at - 1];
    case 'ArrowDown':
      return steps[step + 1]?.places[0];
    case 'ArrowUp':
      return steps[step - 1]?.places[0];
    case 'Home':
      return places[0];
    case 'End':
      return places.at(-1);
    default:
      return undefined;
  }
}

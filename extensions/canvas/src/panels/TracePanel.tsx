/** Run & trace: the draft on a sample, place by place, down to single rows. */
import { type FormEvent, type JSX, useEffect, useMemo, useState } from 'react';
import { type EditorModel, type TraceFocus, useEditor } from '../editor/model';
import type { TracePoint, TraceResult } from '../protocol';
import { useDoing } from '../views/asking';
import { many } from '../views/format';
import { TroubleNote } from '../views/parts';
import { useFollowing } from './following';
import { TracePlace } from './TracePlace';
import { TraceStrip } from './TraceStrip';
import { TraceWay } from './TraceWay';
import { lookedAt, outcomeOf, placeOfPart, placesOf } from './tracing';

const SAMPLE = 20;
const MOST = 100_000;

export function TracePanel(): JSX.Element {
  const { overlay, traceTrouble } = useEditor();
  const traced = overlay.kind === 'trace' ? overlay : null;
  const places = useMemo(() => placesOf(traced?.trace.points ?? []), [traced?.trace.points]);
  return (
    <section className="lyftnb-Panel lyftnb-Trace" aria-label="Trace">
      <Bar trace={traced?.trace ?? null} stale={traced?.stale ?? false} places={places} />
      <TroubleNote trouble={traceTrouble ?? null} />
      {traced === null ? <NoTrace /> : <Traced trace={traced.trace} places={places} />}
    </section>
  );
}

interface BarProps {
  trace: TraceResult | null;
  stale: boolean;
  places: TracePoint[];
}

/** How many rows, run, cancel, and how it stands. */
function Bar({ trace, stale, places }: BarProps): JSX.Element {
  const editor = useEditor();
  const [sample, setSample] = useState(String(trace?.sample ?? SAMPLE));
  const { trouble, run } = useDoing();
  const rows = Math.round(Number(sample));
  const valid = rows >= 1 && rows <= MOST;
  const begin = (event: FormEvent): void => {
    event.preventDefault();
    if (valid) {
      editor.trace(rows);
    }
  };
  return (
    <>
      <form className="lyftnb-Panel-bar" aria-label="The sample" onSubmit={begin}>
        <label className="lyftnb-Trace-sample">
          Rows of each input
          <input
            className="lyftnb-Input"
            type="number"
            min={1}
            max={MOST}
            value={sample}
            aria-invalid={!valid}
            onChange={event => setSample(event.target.value)}
          />
        </label>
        <button type="submit" className="lyftnb-Button" disabled={!valid || !canTrace(editor)}>
          {trace === null ? 'Run & trace' : 'Run again'}
        </button>
        {editor.tracing && (
          <button
            type="button"
            className="lyftnb-Button"
            onClick={() => run(() => editor.service.ask('trace.cancel', { draft: editor.draft }))}
          >
            Cancel
          </button>
        )}
        {trace !== null && (
          <button type="button" className="lyftnb-Button" onClick={() => editor.setOverlay({ kind: 'none' })}>
            Close trace
          </button>
        )}
        {stale && (
          <span className="lyftnb-Trace-stale">
            <span aria-hidden="true">≠</span> From before the last change
          </span>
        )}
        <span className="lyftnb-Panel-status" role="status">
          {editor.tracing ? 'Tracing…' : trace === null ? '' : outcomeOf(places, trace.sample)}
        </span>
      </form>
      <TroubleNote trouble={trouble} />
      <Blocked traced={trace !== null} />
    </>
  );
}

function canTrace({ document, connected, tracing, problems }: EditorModel): boolean {
  return document !== null && connected && tracing !== true && problems.every(each => each.severity !== 'error');
}

/** Why there can be no trace now, and the way there. */
function Blocked({ traced }: { traced: boolean }): JSX.Element | null {
  const { problems, openPanel, connected, document } = useEditor();
  const errors = problems.filter(problem => problem.severity === 'error').length;
  if (!connected) {
    return <p className="lyftnb-Trace-blocked">The connection is lost. Trying again…</p>;
  }
  if (errors === 0 && document !== null) {
    return null;
  }
  return (
    <p className="lyftnb-Trace-blocked">
      {traced ? 'The trace waits' : 'The draft cannot be traced'} until{' '}
      {errors > 0 ? `${many(errors, 'error')} ${errors === 1 ? 'is' : 'are'} mended` : 'its text can be read'}.{' '}
      <button type="button" className="lyftnb-Link" onClick={() => openPanel(errors > 0 ? 'problems' : 'text')}>
        {errors > 0 ? 'Show the problems' : 'Show the text'}
      </button>
    </p>
  );
}

function NoTrace(): JSX.Element {
  const { tracing } = useEditor();
  if (tracing) {
    return <p className="lyftnb-Panel-empty">Running the draft on the sample…</p>;
  }
  return (
    <div className="lyftnb-Panel-empty lyftnb-Trace-none">
      <p>
        <strong>See your data at every action.</strong> Run &amp; trace takes the first rows of each input through
        the whole draft, here and now. Nothing is published, stored or sent.
      </p>
      <p>
        Then choose a step, an action or an edge to see its rows, columns and rejects, or follow one row through the
        graph. While the trace is open, each change of the draft runs it again.
      </p>
    </div>
  );
}

/** The strip of places, the place that is looked at, and the row that is followed. */
function Traced({ trace, places }: { trace: TraceResult; places: TracePoint[] }): JSX.Element {
  const { service, traceFocus, focusTrace } = useEditor();
  const place = lookedAt(places, traceFocus);
  const following = useFollowing(service, trace.trace);
  useSelectionShown(places, place);
  if (place === null) {
    return <p className="lyftnb-Panel-empty">There was nothing to trace: add a step with an input.</p>;
  }
  const rejects = traceFocus?.rejects === true && place.rejects > 0;
  const go = (to: { step: string; at: string }, toRejects = false): void => {
    const focus: TraceFocus = { step: to.step, at: to.at, rejects: toRejects };
    focusTrace(focus);
  };
  return (
    <>
      <TraceStrip places={places} current={place} sightings={following.sightings} onChoose={go} />
      <div className="lyftnb-Trace-body">
        <TracePlace
          trace={trace.trace}
          place={place}
          places={places}
          rejects={rejects}
          following={following}
          onGo={go}
        />
        {following.row !== null && <TraceWay following={following} place={place} rejects={rejects} onGo={go} />}
      </div>
    </>
  );
}

/** What gets selected on the canvas is looked at here. */
function useSelectionShown(places: readonly TracePoint[], current: TracePoint | null): void {
  const { selection, document, focusTrace } = useEditor();
  const part = selection.length === 1 ? selection[0] : undefined;
  const key = JSON.stringify(part);
  useEffect(() => {
    const place = placeOfPart(places, part, document);
    if (place !== null && place.step !== current?.step) {
      focusTrace({ step: place.step, at: place.at, rejects: false });
    }
    // Only a new selection moves: whoever then walks along the strip is left alone.
  }, [key]);
}

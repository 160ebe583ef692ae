/** What was published, where it runs, and how any two versions, or the draft, differ. */
import { useState, type JSX } from 'react';
import { useEditor, type EditorModel } from '../../editor/model';
import type { DeploymentStatus, Difference, VersionInfo } from '../../protocol';
import { useDoing } from '../../views/asking';
import { Empty, Moment, TroubleNote } from '../../views/parts';
import { DifferenceList } from './Differences';
import type { Planning } from './usePlanning';
import { DRAFT } from './way';

interface Pair {
  before: string;
  after: string;
}

interface Comparison {
  difference: Difference;
  title: string;
}

export function VersionsTab({ planning }: { planning: Planning }): JSX.Element {
  const editor = useEditor();
  const { versions, deployments, choose } = planning;
  const { doing, trouble, run } = useDoing();
  const [found, setFound] = useState<Comparison | null>(null);
  const newest = versions[0]?.ref ?? DRAFT;
  const [pair, setPair] = useState<Pair | null>(null);
  const chosen = pair ?? { before: newest, after: DRAFT };
  const compare = (wanted: Pair): void => {
    setPair(wanted);
    run(() => compared(editor, wanted).then(setFound));
  };
  if (versions.length === 0) {
    return <Empty>Nothing is published yet. Publish freezes the draft as version 1.</Empty>;
  }
  return (
    <div className="lyftnb-Plan-versions">
      <ul className="lyftnb-List" aria-label="Published versions, newest first">
        {versions.map(version => (
          <VersionRow
            key={version.ref}
            version={version}
            runs={deployments.filter(each => each.ref === version.ref)}
            compare={() => compare({ before: version.ref, after: DRAFT })}
            use={() => choose({ version: version.ref, groups: {}, replicas: {} })}
          />
        ))}
      </ul>
      <div className="lyftnb-Plan-comparison">
        <PairChoice versions={versions} pair={chosen} setPair={setPair} compare={() => compare(chosen)} doing={doing} />
        <TroubleNote trouble={trouble} />
        {found && <DifferenceList difference={found.difference} title={found.title} />}
        {found && editor.overlay.kind === 'difference' && (
          <button type="button" className="lyftnb-Small" onClick={() => editor.setOverlay({ kind: 'none' })}>
            Take it off the canvas
          </button>
        )}
      </div>
    </div>
  );
}

/** Asks for a difference, and paints it. */
async function compared(editor: EditorModel, { before, after }: Pair): Promise<Comparison> {
  const [from, to] = [before, after].map(each => (each === DRAFT ? editor.draft : each)) as [string, string];
  const difference = await editor.service.ask('compare', { before: from, after: to });
  const title = `From ${named(before)} to ${named(after)}`;
  editor.setOverlay({ kind: 'difference', difference, title });
  const { length } = difference.parts;
  editor.announce(`${title}: ${length === 1 ? '1 part differs' : `${length} parts differ`}`);
  return { difference, title };
}

function named(version: string): string {
  return version === DRAFT ? 'the draft' : version;
}

interface VersionRowProps {
  version: VersionInfo;
  runs: readonly DeploymentStatus[];
  compare: () => void;
  use: () => void;
}

function VersionRow({ version, runs, compare, use }: VersionRowProps): JSX.Element {
  return (
    <li className="lyftnb-Row">
      <div className="lyftnb-Row-line">
        <strong>{version.ref}</strong>
        <span className="lyftnb-Dim">
          published <Moment time={version.published_at} /> · <code title={version.digest}>{version.digest.slice(0, 8)}</code>
        </span>
        <span className="lyftnb-Row-actions">
          <button type="button" className="lyftnb-Small" aria-label={`Choose ${version.ref}`} onClick={use}>
            Choose
          </button>
          <button
            type="button"
            className="lyftnb-Small"
            aria-label={`Compare with the draft: ${version.ref}`}
            onClick={compare}
          >
            Compare with the draft
          </button>
        </span>
      </div>
      {runs.map(each => (
        <div key={each.name} className="lyftnb-Dim">
          <span aria-hidden="true">▶</span> runs as {each.name}, revision {each.revision}
        </div>
      ))}
    </li>
  );
}

interface PairChoiceProps {
  versions: readonly VersionInfo[];
  pair: Pair;
  setPair: (pair: Pair) => void;
  compare: () => void;
  doing: boolean;
}

function PairChoice({ versions, pair, setPair, compare, doing }: PairChoiceProps): JSX.Element {
  const choice = (end: keyof Pair, label: string): JSX.Element => (
    <label>
      {label}{' '}
      <select
        className="lyftnb-Input"
        value={pair[end]}
        onChange={event => setPair({ ...pair, [end]: event.target.value })}
      >
        <option value={DRAFT}>the draft</option>
        {versions.map(version => (
          <option key={version.ref}>{version.ref}</option>
        ))}
      </select>
    </label>
  );
  return (
    <div className="lyftnb-Plan-pair">
      {choice('before', 'From')}
      {choice('after', 'to')}
      <button type="button" className="lyftnb-Button" disabled={doing} onClick={compare}>
        {doing ? 'Comparing…' : 'Compare'}
      </button>
    </div>
  );
}

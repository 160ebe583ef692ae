/** Fields that differ, and parts that differ. */
import type { JSX } from 'react';
import { useEditor, type Part } from '../../editor/model';
import type { Difference, PartChange } from '../../protocol';
import { linesOfPart, noteOf, SIGNS, type FieldLine, type Sign } from './fields';

export function SignMark({ sign }: { sign: Sign }): JSX.Element {
  return (
    <span className="lyftnb-Plan-sign" data-sign={sign} aria-hidden="true">
      {sign}
    </span>
  );
}

export function Fields({ lines }: { lines: readonly FieldLine[] }): JSX.Element | null {
  if (lines.length === 0) {
    return null;
  }
  return (
    <ul className="lyftnb-Plan-fields">
      {lines.map((line, index) => (
        <li key={index}>
          <SignMark sign={line.sign} />
          <span>
            <span className="lyftnb-Plan-place">{line.place}</span> {line.long ? <Texts line={line} /> : <Values line={line} />}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Values({ line: { before, after } }: { line: FieldLine }): JSX.Element {
  return (
    <>
      {before !== null && <del>{before}</del>}
      {before !== null && after !== null && <span aria-hidden="true"> → </span>}
      {after !== null && <ins>{after}</ins>}
    </>
  );
}

/** Long texts stand below each other. */
function Texts({ line: { before, after } }: { line: FieldLine }): JSX.Element {
  return (
    <span className="lyftnb-Plan-texts">
      {before !== null && <del>{before}</del>}
      {after !== null && <ins>{after}</ins>}
    </span>
  );
}

/** The name of a part; where the graph shows it, it leads there. */
export function PartName({ name, part }: { name: string; part: Part | null }): JSX.Element {
  const { select } = useEditor();
  if (part === null) {
    return <strong>{name}</strong>;
  }
  return (
    <button type="button" className="lyftnb-Link" title="Select it on the canvas" onClick={() => select([part])}>
      {name}
    </button>
  );
}

export function DifferenceList({ difference, title }: { difference: Difference; title: string }): JSX.Element {
  return (
    <section className="lyftnb-Plan-group" aria-label={title}>
      <h4>{title}</h4>
      {difference.parts.length === 0 && <p className="lyftnb-Dim">They are the same.</p>}
      <ul className="lyftnb-Plan-lines">
        {difference.parts.map(part => (
          <PartLine key={`${part.part} ${part.name}`} change={part} />
        ))}
      </ul>
    </section>
  );
}

function PartLine({ change }: { change: PartChange }): JSX.Element {
  const note = noteOf(change);
  return (
    <li>
      <div className="lyftnb-Plan-line">
        <SignMark sign={SIGNS[change.mark]} />
        <span className="lyftnb-Plan-verb">
          {change.mark} {change.part}
        </span>
        <PartName name={change.name} part={partOf(change)} />
        {note && <span className="lyftnb-Dim">{note}</span>}
      </div>
      <Fields lines={linesOfPart(change)} />
    </li>
  );
}

function partOf({ part, name, mark }: PartChange): Part | null {
  if (mark === 'remove' || part === 'message' || part === 'workflow') {
    return null;
  }
  return { kind: part, name };
}

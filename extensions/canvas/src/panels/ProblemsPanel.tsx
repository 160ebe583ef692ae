/** All problems of the draft, worst first; each leads to its field. */
import { type JSX, type KeyboardEvent, useId, useRef, useState } from 'react';
import { useEditor } from '../editor/model';
import type { Problem } from '../protocol';
import { countsInWords, countsOf, filtered, placeOf, SEVERITIES, type Severity } from './problems';
import { SeveritySign } from './SeveritySign';

export function ProblemsPanel(): JSX.Element {
  const { problems, settled, reveal } = useEditor();
  const [filter, setFilter] = useState('');
  const [shown, setShown] = useState<ReadonlySet<Severity>>(new Set(SEVERITIES));
  const listed = filtered(problems, shown, filter);
  const counts = countsOf(problems);
  const toggle = (severity: Severity): void => {
    const next = new Set(shown);
    if (!next.delete(severity)) {
      next.add(severity);
    }
    setShown(next);
  };
  return (
    <section className="lyftnb-Panel" aria-label="Problems">
      <div className="lyftnb-Panel-bar" role="toolbar" aria-label="Which problems are shown">
        {SEVERITIES.map(severity => (
          <button
            key={severity}
            type="button"
            className="lyftnb-Toggle"
            aria-pressed={shown.has(severity)}
            aria-label={`${severity}s: ${counts[severity]}`}
            onClick={() => toggle(severity)}
          >
            <SeveritySign severity={severity} /> {counts[severity]}
          </button>
        ))}
        <input
          className="lyftnb-Input"
          type="search"
          placeholder="Filter problems"
          aria-label="Filter problems"
          value={filter}
          onChange={event => setFilter(event.target.value)}
        />
        <span className="lyftnb-Panel-status" role="status">
          {settled ? countsInWords(problems) : 'Checking…'}
        </span>
      </div>
      {listed.length > 0 ? (
        <ProblemList problems={listed} onOpen={problem => reveal(problem.path)} />
      ) : (
        <p className="lyftnb-Panel-empty">
          {problems.length === 0 ? 'No problems: this draft can be published.' : 'No problem matches the filter.'}
        </p>
      )}
    </section>
  );
}

/** One stop for Tab; arrows walk, Enter opens. */
function ProblemList({ problems, onOpen }: { problems: Problem[]; onOpen: (problem: Problem) => void }): JSX.Element {
  const id = useId();
  const list = useRef<HTMLUListElement>(null);
  const [chosen, setChosen] = useState(0);
  const at = Math.min(chosen, problems.length - 1);
  const go = (to: number): void => {
    const next = Math.max(0, Math.min(problems.length - 1, to));
    setChosen(next);
    list.current?.children[next]?.scrollIntoView?.({ block: 'nearest' });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: problems.length - 1 };
    const to = steps[event.key];
    const problem = problems[at];
    if (to !== undefined) {
      event.preventDefault();
      go(to);
    } else if ((event.key === 'Enter' || event.key === ' ') && problem !== undefined) {
      event.preventDefault();
      onOpen(problem);
    }
  };
  return (
    <ul
      ref={list}
      className="lyftnb-Problems"
      role="listbox"
      aria-label="Problems, worst first; Enter goes to the field"
      aria-activedescendant={`${id}-${at}`}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      {problems.map((problem, index) => (
        <li
          key={index}
          id={`${id}-${index}`}
          role="option"
          aria-selected={index === at}
          className="lyftnb-Problem"
          onClick={() => {
            setChosen(index);
            onOpen(problem);
          }}
        >
          <SeveritySign severity={problem.severity} />
          <span className="lyftnb-Problem-text">
            <span>{problem.message}</span>
            {problem.hint !== '' && <span className="lyftnb-Problem-hint">{problem.hint}</span>}
          </span>
          <span className="lyftnb-Problem-place">
            {placeOf(problem.path)}
            {problem.line !== null && ` · line ${problem.line}`}
          </span>
          <code className="lyftnb-Problem-code">{problem.code}</code>
        </li>
      ))}
    </ul>
  );
}

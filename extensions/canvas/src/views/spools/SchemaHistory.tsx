/** How the columns of a spool came to be: each version with what is new in it. */
import type { JSX } from 'react';
import type { Column, SchemaVersion } from '../../protocol';
import { Empty, Moment } from '../parts';

type Change = { sign: '+' | '−' | '~'; words: string };

export function SchemaHistory({ versions }: { versions: readonly SchemaVersion[] }): JSX.Element {
  if (versions.length === 0) {
    return <Empty>It has no columns yet.</Empty>;
  }
  return (
    <ol className="lyftnb-List" reversed>
      {versions
        .map((version, at) => (
          <li key={version.snapshot} className="lyftnb-Row">
            <div className="lyftnb-Row-line">
              <strong>from snapshot {version.snapshot}</strong>
              {version.committed_at && <Moment time={version.committed_at} />}
            </div>
            <ul className="lyftnb-Changes">
              {changes(versions[at - 1]?.columns ?? [], version.columns).map(({ sign, words }) => (
                <li key={words} data-sign={sign}>
                  <span aria-hidden="true">{sign}</span> {words}
                </li>
              ))}
            </ul>
          </li>
        ))
        .reverse()}
    </ol>
  );
}

export function changes(before: readonly Column[], after: readonly Column[]): Change[] {
  const old = new Map(before.map(({ name, type }) => [name, type]));
  const kept = new Set(after.map(({ name }) => name));
  const found: Change[] = [];
  for (const { name, type } of after) {
    const was = old.get(name);
    if (was === undefined) {
      found.push({ sign: '+', words: `${name}: ${type}` });
    } else if (was !== type) {
      found.push({ sign: '~', words: `${name}: ${was} → ${type}` });
    }
  }
  for (const { name, type } of before) {
    if (!kept.has(name)) {
      found.push({ sign: '−', words: `${name}: ${type}` });
    }
  }
  return found;
}

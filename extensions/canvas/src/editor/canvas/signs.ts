/** Signs beside colours: what is said by a colour is said by a sign and a word, too. */
import type { PartChange } from '../../protocol';
import type { Sign } from '../live';

interface Said {
  sign: string;
  word: string;
}

export const SIGNS: Record<Sign, Said> = {
  running: { sign: '▶', word: 'running' },
  waiting: { sign: '○', word: 'waiting' },
  retrying: { sign: '↻', word: 'retrying' },
  done: { sign: '✓', word: 'done' },
  blocked: { sign: '■', word: 'blocked' },
  paused: { sign: '‖', word: 'paused' },
  drifted: { sign: '≠', word: 'drifted' }
};

export const MARKS: Record<PartChange['mark'], Said> = {
  create: { sign: '+', word: 'new' },
  update: { sign: '~', word: 'changed' },
  replace: { sign: '±', word: 'replaced' },
  remove: { sign: '−', word: 'removed' },
  keep: { sign: '=', word: 'kept' },
  moved: { sign: '⇢', word: 'moved' }
};

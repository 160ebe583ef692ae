import { describe, expect, it } from 'vitest';
import { Dialogue, type Question } from './dialogue';
import { askForMisfit, misfitOf } from './misfit';
import { RELEASE } from './protocol';

const HERE = { version: '0.10.0', protocol: 'new' };

describe('a page and a server of different releases', () => {
  it('say which one to mend', () => {
    expect(misfitOf(HERE, { ...HERE, version: '0.10.1' })).toBeNull();
    const older = misfitOf(HERE, { version: '0.9.3', protocol: 'old' })!;
    expect(older.message).toBe('This page is of lyftnb 0.10.0, and the Jupyter server runs lyftnb 0.9.3.');
    expect(older.hint).toContain('restart the Jupyter server');
    const newer = misfitOf(HERE, { version: '0.11', protocol: 'newer' })!;
    expect(newer.hint).toBe('Save what is open, and reload the page.');
    const rebuilt = misfitOf(HERE, { ...HERE, protocol: 'other' })!;
    expect(rebuilt.message).toContain('different builds of lyftnb 0.10.0');
    expect(rebuilt.hint).toContain('restart the Jupyter server, and reload the page');
  });

  it('are found out by asking, also a server that does not know the question', async () => {
    const sent: Question[] = [];
    const dialogue = new Dialogue(question => sent.push(question));
    const [same, unknown, lost] = [1, 2, 3].map(() => askForMisfit(dialogue)) as [Promise<unknown>, Promise<unknown>, Promise<unknown>];
    dialogue.setConnected(true);
    expect(sent.map(({ op }) => op)).toEqual(['release', 'release', 'release']);
    dialogue.receive({ id: sent[0]!.id, result: RELEASE });
    dialogue.receive({ id: sent[1]!.id, problem: { code: 'setup', message: 'there is no question release' } });
    dialogue.setConnected(false);
    expect(await same).toBeNull();
    expect(await unknown).toMatchObject({ code: 'misfit', hint: expect.stringContaining('restart') });
    expect(await lost).toBeNull();
  });
});

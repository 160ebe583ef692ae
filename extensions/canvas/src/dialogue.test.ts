import { describe, expect, it, vi } from 'vitest';
import { Dialogue, type Question } from './dialogue';

function connected(): { dialogue: Dialogue; sent: Question[] } {
  const sent: Question[] = [];
  const dialogue = new Dialogue(question => sent.push(question));
  dialogue.setConnected(true);
  return { dialogue, sent };
}

describe('Dialogue', () => {
  it('brings each answer to its asker, in whatever order they come', async () => {
    const { dialogue, sent } = connected();
    const first = dialogue.ask('workspace', {});
    const second = dialogue.ask('spools', {});
    expect(sent.map(each => each.op)).toEqual(['workspace', 'spools']);
    dialogue.receive({ id: sent[1]!.id, result: [] });
    dialogue.receive({ id: sent[0]!.id, result: { root: 'w' } });
    expect(await first).toEqual({ root: 'w' });
    expect(await second).toEqual([]);
  });

  it('rejects with what the workspace says', async () => {
    const { dialogue, sent } = connected();
    const asked = dialogue.ask('spool', { spool: 'a.b' });
    dialogue.receive({ id: sent[0]!.id, problem: { code: 'unknown_spool', message: 'none' } });
    await expect(asked).rejects.toMatchObject({ code: 'unknown_spool', message: 'none' });
  });

  it('holds questions until the first connection, and fails them once it is gone', async () => {
    const sent: Question[] = [];
    const dialogue = new Dialogue(question => sent.push(question));
    const early = dialogue.ask('workspace', {});
    expect(sent).toEqual([]);
    dialogue.setConnected(true);
    expect(sent).toHaveLength(1);
    dialogue.setConnected(false);
    await expect(early).rejects.toMatchObject({ code: 'disconnected' });
    await expect(dialogue.ask('workspace', {})).rejects.toMatchObject({ code: 'disconnected' });
    dialogue.setConnected(true);
    expect(sent).toHaveLength(1);
  });

  it('tells news to those who still hear them, and lets garbage pass', () => {
    const { dialogue } = connected();
    const heard = vi.fn();
    const deaf = dialogue.on('run', heard);
    dialogue.receive({ topic: 'run', data: { run: 'a/1' } });
    dialogue.receive(null);
    dialogue.receive('x');
    dialogue.receive({ id: 99, result: 1 });
    deaf();
    dialogue.receive({ topic: 'run', data: { run: 'a/2' } });
    expect(heard).toHaveBeenCalledTimes(1);
    expect(heard).toHaveBeenCalledWith({ run: 'a/1' });
  });

  it('forgets a question that nobody waits for', async () => {
    const { dialogue, sent } = connected();
    const control = new AbortController();
    const asked = dialogue.ask('sql', { text: 'select 1' }, { signal: control.signal });
    control.abort();
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
    dialogue.receive({ id: sent[0]!.id, result: {} });
    await expect(
      dialogue.ask('sql', { text: 'select 1' }, { signal: control.signal })
    ).rejects.toMatchObject({ code: 'cancelled' });
    expect(sent).toHaveLength(1);
  });

  it('does not come back from its end, and says why', async () => {
    const { dialogue } = connected();
    const heard = vi.fn();
    dialogue.onConnection(heard);
    const asked = dialogue.ask('workspace', {});
    dialogue.end('The kernel died', 'Run the cell again');
    dialogue.setConnected(true);
    const why = { code: 'ended', message: 'The kernel died' };
    await expect(asked).rejects.toMatchObject(why);
    await expect(dialogue.ask('workspace', {})).rejects.toMatchObject(why);
    expect(heard.mock.calls.map(([up]) => up as boolean)).toEqual([true, false]);
    expect(heard).toHaveBeenLastCalledWith(false, expect.objectContaining(why));
  });

  it('tells the questions of two dialogues over one channel apart', () => {
    const sent: Question[] = [];
    for (const prefix of ['a', 'b']) {
      const dialogue = new Dialogue(question => sent.push(question), prefix);
      dialogue.setConnected(true);
      void dialogue.ask('workspace', {});
    }
    expect(sent.map(each => each.id)).toEqual(['a-1', 'b-1']);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { applyOps, put, rename } from '../graph/ops';
import { flights } from '../graph/samples';
import type { Answers, News, Op, Questions } from '../protocol';
import { ServiceError, type ConnectionListener, type Service } from '../service';
import type { Document } from './model';
import { Session } from './session';

type Asked = keyof Questions;

/** The drafts of a service in memory. Its text of a document is its JSON. */
class Drafts implements Service {
  readonly asked: Asked[] = [];
  draft: { revision: number; document: Document } | null = null;
  up = true;
  private connection: ConnectionListener = () => undefined;

  ask<Q extends Asked>(op: Q, params: Questions[Q]): Promise<Answers[Q]> {
    this.asked.push(op);
    return Promise.resolve().then(() => {
      if (!this.up) {
        throw new ServiceError({ code: 'disconnected', message: 'nobody is there', where: null, hint: null, facts: {}, problems: [] });
      }
      return this.answer(op, params as never) as Answers[Q];
    });
  }

  on<T extends keyof News>(_topic: T, _listener: (data: News[T]) => void): () => void {
    return () => undefined;
  }

  onConnection(listener: ConnectionListener): () => void {
    this.connection = listener;
    listener(true, null);
    return () => undefined;
  }

  connect(up: boolean): void {
    this.up = up;
    this.connection(up, null);
  }

  endFor(message: string): void {
    this.up = false;
    this.connection(false, { code: 'ended', message, where: null, hint: null, facts: {}, problems: [] });
  }

  private answer(op: Asked, params: { text: string; theirs: string; revision: number; ops: Op[] }): unknown {
    switch (op) {
      case 'draft.open':
        return { state: this.state((this.draft?.revision ?? 0) + 1, JSON.parse(params.text) as Document, true), shape: null };
      case 'draft.change':
        this.check(params.revision);
        return this.state(params.revision + 1, applyOps(this.draft?.document ?? {}, params.ops).document, false);
      case 'draft.replace':
        this.check(params.revision);
        return this.replaced(params.revision + 1, params.text);
      case 'draft.merge':
        this.check(params.revision);
        return { state: this.state(params.revision + 1, JSON.parse(params.theirs) as Document, true), conflicts: [['steps', 'clean']] };
      case 'draft.text':
        this.check(this.draft?.revision ?? -1);
        return { revision: this.draft?.revision, text: JSON.stringify(this.draft?.document), problems: [] };
      default:
        return {};
    }
  }

  private check(revision: number): void {
    if (this.draft === null || this.draft.revision !== revision) {
      const code = this.draft === null ? 'unknown_draft' : 'stale_draft';
      throw new ServiceError({ code, message: code, where: null, hint: null, facts: {}, problems: [] });
    }
  }

  private replaced(revision: number, text: string): unknown {
    if (text === UNREADABLE) {
      this.draft = { revision, document: {} };
      return { draft: 'd', revision, document: null, problems: [], readable: false };
    }
    return this.state(revision, JSON.parse(text) as Document, true);
  }

  private state(revision: number, document: Document, whole: boolean): unknown {
    this.draft = { revision, document };
    return { draft: 'd', revision, document: whole ? document : null, problems: [], readable: true };
  }
}

const UNREADABLE = '{"workflow": ';
const NEW = put(['steps', 'added'], { actions: [] });

describe('a session', () => {
  let service: Drafts;
  let session: Session;
  let end: () => void;
  const texts: string[] = [];
  const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1_000);
  const here = (): string => JSON.stringify(session.get().document);
  const there = (): string => JSON.stringify(service.draft?.document);

  beforeEach(async () => {
    vi.useFakeTimers();
    texts.length = 0;
    service = new Drafts();
    session = new Session({
      service, draft: 'd', text: JSON.stringify(flights()), file: null, readOnly: false, deployment: null,
      onText: text => texts.push(text), onEdit: () => undefined
    });
    end = session.start();
    await settle();
  });
  afterEach(() => {
    end();
    vi.useRealTimers();
  });

  it('changes the document at once, and tells the service in order', async () => {
    session.edit([NEW], 'add');
    session.edit([rename(['steps', 'added'], 'other')], 'rename');
    expect(session.get().document).toMatchObject({ steps: { other: { actions: [] } } });
    expect(session.get().settled).toBe(false);
    await settle();
    expect(there()).toBe(here());
    expect(session.get().settled).toBe(true);
    expect(texts.at(-1)).toBe(here());
  });

  it('draws the plan that a draft is opened with, and asks for none until something is edited', async () => {
    end();
    const asked: string[] = [];
    const shape = { revision: 1, stages: [], channels: [], groups: {}, relays: [], text: 'all of it' };
    const known = new Drafts();
    const ask = known.ask.bind(known) as (op: string, params: object) => Promise<object>;
    const service = Object.assign(known, {
      ask: async (op: string, params: object) => {
        asked.push(op);
        return { ...(await ask(op, params)), ...(op === 'draft.open' ? { shape } : {}) };
      }
    });
    session = new Session({ ...session.options, service: service as Drafts });
    const seen: unknown[] = [];
    session.subscribe(() => session.get().document !== null && seen.push(session.get().shape));
    end = session.start();
    await settle();
    expect(seen[0]).toEqual(shape);
    expect(asked).not.toContain('draft.plan');
    session.edit([NEW], 'add');
    await settle();
    expect(asked).toContain('draft.plan');
  });

  it('tells no text while nothing was edited', () => {
    expect(texts).toEqual([]);
  });

  it('undoes and does again, here and there', async () => {
    const before = here();
    session.edit([NEW], 'add');
    const after = here();
    await settle();
    session.undo();
    expect(here()).toBe(before);
    await settle();
    expect(there()).toBe(before);
    session.redo();
    await settle();
    expect([here(), there()]).toEqual([after, after]);
  });

  it('takes typing in one field as one step', () => {
    const before = here();
    session.edit([put(['description'], 'a')], 'describe', { merge: 'description' });
    session.edit([put(['description'], 'ab')], 'describe', { merge: 'description' });
    session.undo();
    expect(here()).toBe(before);
  });

  it('opens the draft anew when the service has forgotten it, with all edits', async () => {
    session.edit([put(['description'], 'first')], 'describe');
    await settle();
    service.draft = null;
    session.edit([NEW], 'add');
    await settle();
    expect(there()).toBe(here());
    expect(session.get().document).toMatchObject({ description: 'first', steps: { added: {} } });
  });

  it('keeps edits without a connection, and sends them when it is back', async () => {
    service.connect(false);
    session.edit([NEW], 'add');
    await settle();
    expect(session.get().settled).toBe(false);
    service.draft = null;
    service.connect(true);
    await settle();
    expect(there()).toBe(here());
    expect(session.get().settled).toBe(true);
  });

  it('takes no edits once the service has gone for good, and gives away those that are here', async () => {
    session.edit([NEW], 'add');
    service.endFor('The kernel died');
    session.edit([put(['description'], 'too late')], 'describe');
    await settle();
    expect(session.get().ended?.message).toBe('The kernel died');
    expect(session.get().message).toBeNull();
    expect(session.get().document).toMatchObject({ steps: { added: { actions: [] } } });
    expect(session.get().document).not.toHaveProperty('description');
    expect(JSON.parse(session.kept)).toEqual(session.get().document);
  });

  it('gives away the text itself where nothing was edited since it was written', async () => {
    const text = '{"workflow":  "as a person wrote it"}';
    await session.setText(text);
    service.endFor('The kernel died');
    expect(session.kept).toBe(text);
  });

  it('can undo another text', async () => {
    const before = here();
    await session.replaceText('{"workflow": "other"}');
    expect(here()).toBe('{"workflow":"other"}');
    session.undo();
    await settle();
    expect([here(), there()]).toEqual([before, before]);
  });

  it('can undo another text that could not be read on the way, and keeps what is selected', async () => {
    const before = here();
    session.select([{ kind: 'step', name: 'clean' }]);
    await session.replaceText(UNREADABLE);
    expect(session.get().document).toBeNull();
    await session.replaceText(JSON.stringify({ ...flights(), description: 'another' }));
    expect(session.get().selection).toEqual([{ kind: 'step', name: 'clean' }]);
    session.undo();
    await settle();
    expect([here(), there()]).toEqual([before, before]);
  });

  it('tells where a file and the edits clash', async () => {
    await session.setText('{"workflow": "flights"}', '{}');
    expect(session.get().conflicts).toEqual([['steps', 'clean']]);
  });

  it('gives the newest text on demand', async () => {
    session.edit([NEW], 'add');
    expect(await session.flush()).toBe(here());
  });

  it('lets go of a selection that is gone', () => {
    session.select([{ kind: 'step', name: 'clean' }, { kind: 'step', name: 'route' }]);
    session.edit([{ op: 'remove', path: ['steps', 'clean'] }], 'remove');
    expect(session.get().selection).toEqual([{ kind: 'step', name: 'route' }]);
  });
});

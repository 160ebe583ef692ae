// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { createRef, type JSX, type MutableRefObject } from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Table } from '../../protocol';
import { ServiceError, type Service } from '../../service';
import { sourceOf } from '../SpoolBrowser';
import { SqlBox } from './SqlBox';

// The browser's, which jsdom lacks: nothing is ever resized here.
vi.stubGlobal('ResizeObserver', class {
  observe(): void {}
  disconnect(): void {}
});
afterEach(cleanup);

const ONE = { columns: [{ name: 'n', type: 'BIGINT' }], rows: [[1]], total: 1 } as unknown as Table;

/** Answers each statement once: with a row, or with what is wrong. */
function service(answers: (Table | ServiceError)[], asked: string[]): Service {
  return {
    ask: (_op: string, { text }: { text: string }) => {
      asked.push(text);
      const answer = answers.shift();
      return answer instanceof ServiceError ? Promise.reject(answer) : Promise.resolve(answer);
    },
    on: () => () => undefined,
    onConnection: () => () => undefined
  } as unknown as Service;
}

describe('the SQL box of a spool', () => {
  it('reads the snapshot that is looked at, until a statement is written', () => {
    const kept = createRef() as MutableRefObject<string | null>;
    const text = (): string => screen.getByLabelText('SQL statement').textContent ?? '';
    const box = (at: number | null): JSX.Element => (
      <SqlBox service={service([], [])} spools={[]} first={sourceOf('shop.sold', at)} kept={kept} />
    );
    const { rerender, unmount } = render(box(null));
    expect(text()).toBe('SELECT * FROM shop.sold LIMIT 100');
    rerender(box(7));
    expect(text()).toBe("SELECT * FROM spool('shop.sold', at => 7) LIMIT 100");
    unmount();
    kept.current = 'SELECT 1';
    render(box(8));
    expect(text()).toBe('SELECT 1');
  });

  it('shows no rows of another statement beside what is wrong with this one', async () => {
    const wrong = { code: 'sql', message: 'no such column', where: null, hint: null, facts: {}, problems: [] };
    const asked: string[] = [];
    const answers = service([ONE, new ServiceError(wrong)], asked);
    render(<SqlBox service={answers} spools={[]} first="shop.sold" kept={createRef() as MutableRefObject<null>} />);
    fireEvent.click(screen.getByRole('button', { name: 'Run' }));
    await screen.findByText(/1 row in/);
    fireEvent.click(screen.getByRole('button', { name: 'Run' }));
    await screen.findByText('no such column');
    expect(screen.queryByText(/1 row in/)).toBeNull();
    expect(asked).toHaveLength(2);
  });
});

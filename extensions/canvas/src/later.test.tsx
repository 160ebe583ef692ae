// @vitest-environment jsdom
import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it } from 'vitest';
import { later } from './later';

afterEach(cleanup);

describe('a part that comes later', () => {
  it('is fetched with its first use, once', async () => {
    let fetched = 0;
    const Part = later(async () => {
      fetched += 1;
      return ({ name }: { name: string }) => <p>{name}</p>;
    });
    expect(fetched).toBe(0);
    render(
      <>
        <Part name="one" />
        <Part name="other" />
      </>
    );
    await screen.findByText('other');
    expect(screen.getByText('one')).toBeTruthy();
    expect(fetched).toBe(1);
  });

  it('says so when it cannot be fetched', async () => {
    const Part = later(() => Promise.reject(new Error('chunk 1 is gone')));
    render(<Part />);
    expect((await screen.findByRole('alert')).textContent).toContain('chunk 1 is gone');
  });
});

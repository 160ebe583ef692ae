// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { later } from './later';
import { misfitOf } from './misfit';
import type { Service } from './service';

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

  it('says so when it fails, takes nothing else with it, and is shown again on demand', async () => {
    const quiet = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    let well = false;
    const Part = later(() =>
      Promise.resolve(() => {
        if (!well) {
          throw new Error('no number of rows');
        }
        return <p>well</p>;
      })
    );
    render(
      <>
        <p>all around</p>
        <Part />
      </>
    );
    expect((await screen.findByRole('alert')).textContent).toContain('no number of rows');
    expect(screen.getByText('all around')).toBeTruthy();
    well = true;
    fireEvent.click(screen.getByRole('button', { name: 'Show it again' }));
    expect(screen.getByText('well')).toBeTruthy();
    quiet.mockRestore();
  });

  it('says that it asks another release, where that may be why it fails', async () => {
    const quiet = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const Part = later<{ service: Service }>(() =>
      Promise.resolve(() => {
        throw new Error('undefined has no stages');
      })
    );
    const misfit = Promise.resolve(misfitOf({ version: '2', protocol: 'b' }, { version: '1', protocol: 'a' }));
    render(<Part service={{ misfit } as unknown as Service} />);
    await screen.findByText(/restart the Jupyter server/);
    expect(screen.getByRole('alert').textContent).not.toContain('no stages');
    quiet.mockRestore();
  });

  it('says so when it cannot be fetched', async () => {
    const Part = later(() => Promise.reject(new Error('chunk 1 is gone')));
    render(<Part />);
    expect((await screen.findByRole('alert')).textContent).toContain('chunk 1 is gone');
  });
});

/** Where a fault of ours ends: what has failed says so, and all around it goes on. */
import { Component, type ReactNode } from 'react';

interface Failed {
  reason: unknown;
}

/** React takes all of a page away with the part that throws; here it is that part alone. */
export class Boundary extends Component<{ children: ReactNode }, { failed: Failed | null }> {
  override state: { failed: Failed | null } = { failed: null };

  static getDerivedStateFromError(reason: unknown): { failed: Failed } {
    return { failed: { reason } };
  }

  override render(): ReactNode {
    const { failed } = this.state;
    if (failed === null) {
      return this.props.children;
    }
    return (
      <div className="lyftnb-Trouble" role="alert">
        <p>
          This part of the page has failed; what was edited is kept, and can be saved.{' '}
          {failed.reason instanceof Error ? failed.reason.message : String(failed.reason)}
        </p>
        <p>
          <button type="button" className="lyftnb-Button" onClick={() => this.setState({ failed: null })}>
            Show it again
          </button>
        </p>
      </div>
    );
  }
}

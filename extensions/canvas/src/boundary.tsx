/** Where a fault of ours ends: what has failed says so, and all around it goes on. */
import { Component, type ReactNode } from 'react';
import type { Trouble } from './protocol';
import type { Service } from './service';

interface Failed {
  reason: unknown;
}

interface BoundaryProps {
  /** Whom the part asks: of another release, it is what is at fault. */
  service?: Service;
  children: ReactNode;
}

/** React takes all of a page away with the part that throws; here it is that part alone. */
export class Boundary extends Component<BoundaryProps, { failed: Failed | null; misfit: Trouble | null }> {
  override state: { failed: Failed | null; misfit: Trouble | null } = { failed: null, misfit: null };

  static getDerivedStateFromError(reason: unknown): { failed: Failed } {
    return { failed: { reason } };
  }

  override componentDidCatch(): void {
    void this.props.service?.misfit?.then(misfit => this.setState({ misfit }));
  }

  override render(): ReactNode {
    const { failed, misfit } = this.state;
    if (failed === null) {
      return this.props.children;
    }
    const { reason } = failed;
    const why = misfit === null ? (reason instanceof Error ? reason.message : String(reason)) : `${misfit.message} ${misfit.hint}`;
    return (
      <div className="lyftnb-Trouble" role="alert">
        <p>This part of the page has failed; what was edited is kept, and can be saved. {why}</p>
        <p>
          <button type="button" className="lyftnb-Button" onClick={() => this.setState({ failed: null })}>
            Show it again
          </button>
        </p>
      </div>
    );
  }
}

/** Whether the kernel behind a widget is there, is away, or has gone for good. */
import type { WidgetModel } from '@jupyter-widgets/base';
import type { Kernel } from '@jupyterlab/services';

export interface KernelListener {
  /** The line to it is lost, or back: all that it holds is still there. */
  connection(connected: boolean): void;
  /** What it held is lost; said once. */
  ended(how: string): void;
}

const ENDS: Partial<Record<Kernel.Status, string>> = {
  restarting: 'The kernel was restarted',
  autorestarting: 'The kernel died, and is started again',
  terminating: 'The kernel was shut down',
  dead: 'The kernel died'
};

/** Listen until the returned function is called.
 *
 * ipywidgets tells a widget of a restart only; it goes on sending into a kernel that has ended. */
export function listenToKernel(model: WidgetModel, listener: KernelListener): () => void {
  const { kernel } = model.widget_manager as unknown as { kernel?: Kernel.IKernelConnection | null };
  if (kernel === undefined || kernel === null) {
    return () => undefined;
  }
  const stop = (): void => {
    kernel.statusChanged.disconnect(heedStatus);
    kernel.connectionStatusChanged.disconnect(heedConnection);
    kernel.disposed.disconnect(heedEnd);
  };
  const end = (how: string): void => {
    stop();
    listener.ended(how);
  };
  const heedStatus = (_: unknown, status: Kernel.Status): void => {
    const how = ENDS[status];
    if (how !== undefined) {
      end(how);
    }
  };
  const heedConnection = (_: unknown, status: Kernel.ConnectionStatus): void => {
    listener.connection(status === 'connected');
  };
  const heedEnd = (): void => end('The kernel was shut down');
  kernel.statusChanged.connect(heedStatus);
  kernel.connectionStatusChanged.connect(heedConnection);
  kernel.disposed.connect(heedEnd);
  return stop;
}

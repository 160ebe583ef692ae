/** The connections of this lab, one for each workspace folder, and which folder a file belongs to. */
import { PathExt } from '@jupyterlab/coreutils';
import type { Contents, ServerConnection } from '@jupyterlab/services';
import type { Trouble } from '@lyftnb/canvas';
import { Token } from '@lumino/coreutils';
import { Connection, type Share } from './connection';

const CONFIG = 'lyftnb.toml';

/** For other extensions, too: a service for any folder of the server. */
export interface IConnections {
  /** The folder of the workspace that a path belongs to: the nearest parent with `lyftnb.toml`,
   * or the path's own folder, which may become one. */
  folderOf(path: string): Promise<string>;
  /** The same, or null: the path lies in no workspace yet. */
  workspaceOf(path: string): Promise<string | null>;
  /** A share of the connection to a workspace folder. Dispose it; the last one closes the socket. */
  open(folder: string): Share;
}

export const IConnections = new Token<IConnections>(
  'lyftnb:IConnections',
  'Connections to the workspaces of lyftnb below the server’s folder.'
);

interface Counted {
  connection: Connection;
  shares: number;
}

export class Connections implements IConnections {
  private readonly counted = new Map<string, Counted>();
  /** Folder → that of the workspace that it lies in. */
  private readonly workspaces = new Map<string, string | null>();

  constructor(
    private readonly settings: ServerConnection.ISettings,
    private readonly contents: Contents.IManager,
    private readonly heard: (misfit: Trouble | null) => void
  ) {
    // A lyftnb.toml may have come or gone.
    contents.fileChanged.connect(() => this.workspaces.clear());
  }

  async folderOf(path: string): Promise<string> {
    return (await this.workspaceOf(path)) ?? this.parentOf(path);
  }

  async workspaceOf(path: string): Promise<string | null> {
    const own = this.parentOf(path);
    const known = this.workspaces.get(own);
    if (known !== undefined) {
      return known;
    }
    const found = await this.nearest(own);
    this.workspaces.set(own, found);
    return found;
  }

  open(folder: string): Share {
    const counted = this.counted.get(folder) ?? {
      connection: new Connection(folder, this.settings, this.heard),
      shares: 0
    };
    counted.shares += 1;
    this.counted.set(folder, counted);
    return counted.connection.share(() => this.close(folder, counted));
  }

  private parentOf(path: string): string {
    return PathExt.dirname(this.contents.localPath(path));
  }

  private close(folder: string, counted: Counted): void {
    counted.shares -= 1;
    if (counted.shares === 0) {
      this.counted.delete(folder);
      counted.connection.dispose();
    }
  }

  private async nearest(folder: string): Promise<string | null> {
    for (let at = folder; ; at = PathExt.dirname(at)) {
      if (await this.holdsConfig(at)) {
        return at;
      }
      if (at === '') {
        return null;
      }
    }
  }

  private async holdsConfig(folder: string): Promise<boolean> {
    try {
      // With options that do not ask for it, a folder comes without what it holds.
      const listing = await this.contents.get(folder, { type: 'directory', content: true });
      return (listing.content as Contents.IModel[]).some(entry => entry.name === CONFIG);
    } catch {
      return false; // a folder that is gone, or may not be read, holds none
    }
  }
}

/** Documents for tests. */
import type { Document } from '../editor/model';

export function flights(): Document {
  return {
    workflow: 'flights',
    channels: { raw: { transport: 'spool' }, clean: { transport: 'spool', partition: '1d' } },
    steps: {
      ingest: { input: { files: { path: 'data/*.csv' } }, out: 'raw', emit: [{ tag: 'landed' }] },
      clean: { in: 'raw', actions: [{ filter: 'x > 1' }, { derive: { y: 'x * 2' } }], out: 'checked' },
      enrich: { in: 'checked', actions: [{ lookup: { file: 'a.csv', on: 'x' } }], out: 'clean' },
      route: {
        in: 'clean',
        out: { jfk: 'to_jfk', rest: 'to_rest' },
        dispatch: { mode: 'conditional', field: 'origin', cases: { JFK: 'jfk' }, default: 'rest' }
      },
      files: { in: 'to_jfk', output: { parquet: { path: 'out' } } },
      joined: { in: { rows: 'clean', airports: { channel: 'raw', as: 'table' } }, actions: [] },
      alert: { in: 'clean_rejects', actions: [] },
      report: { notebook: { path: 'r.ipynb' }, trigger: { message: { tag: 'landed' } } }
    },
    messages: [{ from: 'clean.rejects', tag: 'bad', to: 'report' }],
    ui: { steps: { ingest: { x: 0, y: 0 }, clean: { x: 300, y: 0 } } }
  };
}

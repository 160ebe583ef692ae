/** Let a deployment run no more, once it was confirmed: says what stays and what goes. */
import { useState, type JSX } from 'react';
import { useEditor } from '../../editor/model';
import { useAnswer, useDoing } from '../../views/asking';
import { bytes, many } from '../../views/format';
import { TroubleNote } from '../../views/parts';

export function Destroy({ deployment, done }: { deployment: string; done: () => void }): JSX.Element {
  const [asking, setAsking] = useState(false);
  if (!asking) {
    return (
      <button type="button" className="lyftnb-Small" onClick={() => setAsking(true)}>
        Destroy…
      </button>
    );
  }
  return <Confirm deployment={deployment} done={done} leave={() => setAsking(false)} />;
}

interface ConfirmProps {
  deployment: string;
  done: () => void;
  leave: () => void;
}

function Confirm({ deployment, done, leave }: ConfirmProps): JSX.Element {
  const { service, announce } = useEditor();
  const { doing, trouble, run } = useDoing();
  const [data, setData] = useState(false);
  const { answer: spools } = useAnswer(service, 'spools', { deployment });
  const rows = spools?.reduce((sum, each) => sum + each.rows, 0) ?? 0;
  const size = spools?.reduce((sum, each) => sum + each.bytes, 0) ?? 0;
  const held = spools === null ? 'its spools' : `${many(spools.length, 'spool')} with ${many(rows, 'row')}, ${bytes(size)}`;
  const destroy = (): void =>
    run(async () => {
      await service.ask('destroy', { deployment, data });
      announce(`${deployment} runs no more`);
      leave();
      done();
    });
  return (
    <div className="lyftnb-Confirm" role="alertdialog" aria-label={`Destroy ${deployment}?`}>
      <p>
        It runs no more. Published versions stay{data ? '' : ` and so does its data: ${held}`}.
      </p>
      <label className="lyftnb-Plan-accept">
        <input type="checkbox" checked={data} onChange={event => setData(event.target.checked)} />
        Empty its spools, too: {held}. There is no way back.
      </label>
      <TroubleNote trouble={trouble} />
      <button type="button" className="lyftnb-Small lyftnb-mod-warn" disabled={doing} onClick={destroy}>
        {doing ? 'Destroying…' : data ? `Destroy ${deployment} and its data` : `Destroy ${deployment}`}
      </button>
      <button type="button" className="lyftnb-Small" autoFocus onClick={leave}>
        Keep it
      </button>
    </div>
  );
}

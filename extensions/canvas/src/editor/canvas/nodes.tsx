/** Steps, spools and regions as the canvas draws them. */
import { Handle, Position, type NodeProps } from '@xyflow/react';
import { memo, type JSX } from 'react';
import type { SpoolNode as Spool, StepNode as Step } from '../../graph/graph';
import { hasChips, jointsOf, portNames } from '../../graph/sizes';
import { problemsInWords } from '../describing';
import { compact } from '../format';
import { Icon } from '../icons';
import { useReading } from '../live';
import { useSession } from '../store';
import { useFar } from './far';
import { MESSAGE_IN, MESSAGE_OUT, NEW_PORT, type PartData, type PartNode, type RegionNode } from './flow';
import { MARKS, SIGNS } from './signs';

export const StepNode = memo(function StepNode({ data, selected }: NodeProps<PartNode>): JSX.Element {
  const Shown = useFar() ? FarNode : NearStep;
  return <Shown data={data} className={classesOf('Step', data, selected)} />;
});

export const SpoolNode = memo(function SpoolNode({ data, selected }: NodeProps<PartNode>): JSX.Element {
  const Shown = useFar() ? FarNode : NearSpool;
  return <Shown data={data} className={classesOf('Spool', data, selected)} />;
});

interface ShownProps {
  data: PartData;
  className: string;
}

function NearStep({ data, className }: ShownProps): JSX.Element {
  const step = data.node as Step;
  const { inputs, outputs } = jointsOf(step);
  const rows = portNames(step).length > 1 ? portNames(step) : [];
  return (
    <div className={className} title={tipOf(data)}>
      <div className="lyftnb-Node-head">
        <Icon name={step.icon} />
        <span className="lyftnb-Node-name">{step.name}</span>
        <Badges {...data} />
      </div>
      <Line data={data} fallback={step.summary || 'empty'} />
      {hasChips(step) && <Chips step={step} />}
      {Math.max(rows.length, step.inputs.length) > 0 && (
        <div className="lyftnb-Ports">
          <Names names={step.inputs} side="in" />
          <Names names={rows} side="out" dispatch={step.dispatch} />
        </div>
      )}
      <Joints inputs={inputs} outputs={outputs} closed={step.outside} />
      <Handle id={MESSAGE_IN} type="target" position={Position.Top} className="lyftnb-mod-message" isConnectableStart={false} title="message in" />
      <Handle id={MESSAGE_OUT} type="source" position={Position.Bottom} className="lyftnb-mod-message" title="message when it is done" />
      <Handle id={NEW_PORT} type="source" position={Position.Right} className="lyftnb-mod-new" title="drag to connect a new port">
        +
      </Handle>
    </div>
  );
}

function NearSpool({ data, className }: ShownProps): JSX.Element {
  const spool = data.node as Spool;
  const { inputs, outputs } = jointsOf(spool);
  return (
    <div className={className} title={tipOf(data)}>
      <svg className="lyftnb-Spool-drum" viewBox="0 0 152 48" preserveAspectRatio="none" aria-hidden="true">
        <path d="M10 1h132c12 0 12 46 0 46H10C-2 47-2 1 10 1z" />
        <path d="M142 1c-12 0-12 46 0 46" />
      </svg>
      <div className="lyftnb-Node-head">
        <Icon name="spool" />
        <span className="lyftnb-Node-name">{spool.name}</span>
        <Badges {...data} />
      </div>
      <div className="lyftnb-Node-line">{spool.written ? spool.summary || 'spool' : 'no step writes it'}</div>
      <Joints inputs={inputs} outputs={outputs} />
      <Handle id={MESSAGE_OUT} type="source" position={Position.Bottom} className="lyftnb-mod-hidden" isConnectable={false} />
    </div>
  );
}

/** From afar: its name, how it stands, and whether it needs a look; in a trace its rows. */
function FarNode({ data, className }: ShownProps): JSX.Element {
  const { live } = useSession();
  const { node, problems, counts } = data;
  const sign = useReading(live, node.id, reading => reading?.sign ?? null);
  const alarming = useReading(live, node.id, reading => reading?.alarming ?? false);
  const failed = counts !== null && (counts.error !== null || counts.rejects > 0);
  const wrong = problems.some(problem => problem.severity === 'error');
  return (
    <div className={`${className} lyftnb-mod-far${alarming || failed || wrong ? ' lyftnb-mod-alarming' : ''}`} title={tipOf(data)}>
      {[wrong ? '!' : '', sign === null ? '' : SIGNS[sign].sign, node.name].filter(Boolean).join(' ')}
      {counts !== null && <small>{counts.error === null ? `${compact(counts.into)} → ${compact(counts.out)}` : 'failed'}</small>}
    </div>
  );
}

export const RegionBox = memo(function RegionBox({ data }: NodeProps<RegionNode>): JSX.Element {
  return (
    <div className={`lyftnb-Region lyftnb-mod-${data.region.kind} lyftnb-mod-${data.title}`}>
      <span title={data.region.title}>{data.region.title}</span>
    </div>
  );
});

/** What a step does; or, while there are numbers, how it fares. */
function Line({ data, fallback }: { data: PartData; fallback: string }): JSX.Element {
  const { live } = useSession();
  const reading = useReading(live, data.node.id);
  const { counts } = data;
  if (reading !== null) {
    const sign = reading.sign === null ? null : SIGNS[reading.sign];
    return (
      <div className={`lyftnb-Node-line lyftnb-mod-live${reading.alarming ? ' lyftnb-mod-alarming' : ''}`}>
        {sign !== null && <span className="lyftnb-Sign">{`${sign.sign} ${sign.word}`}</span>} {reading.text}
      </div>
    );
  }
  if (counts !== null) {
    const rejects = counts.rejects > 0 ? ` · ${compact(counts.rejects)} rejected` : '';
    return (
      <div className={`lyftnb-Node-line lyftnb-mod-trace${counts.stale ? ' lyftnb-mod-stale' : ''}${counts.error !== null || counts.rejects > 0 ? ' lyftnb-mod-alarming' : ''}`}>
        {counts.error === null ? `${compact(counts.into)} → ${compact(counts.out)} rows${rejects}` : `failed: ${counts.error}`}
      </div>
    );
  }
  return <div className="lyftnb-Node-line">{fallback}</div>;
}

function Chips({ step }: { step: Step }): JSX.Element {
  const chips = [
    step.group === 'default' ? '' : `@${step.group}`,
    step.replicas > 1 ? `×${step.replicas}` : '',
    step.trigger,
    step.frame && `frame ${step.frame}`,
    step.paused ? 'paused' : ''
  ].filter(Boolean);
  return (
    <div className="lyftnb-Chips">
      {chips.map(chip => (
        <span key={chip}>{chip}</span>
      ))}
    </div>
  );
}

function Badges({ change, problems, drifted }: PartData): JSX.Element {
  const errors = problems.filter(problem => problem.severity === 'error').length;
  const warnings = problems.filter(problem => problem.severity === 'warning').length;
  const mark = change === null ? null : MARKS[change.mark];
  return (
    <span className="lyftnb-Badges">
      {mark !== null && <span className={`lyftnb-Mark lyftnb-mod-${change?.mark}`} title={mark.word}>{`${mark.sign} ${mark.word}`}</span>}
      {drifted && <span className="lyftnb-Mark lyftnb-mod-drifted" title="compiles to something else than what runs">≠ drifted</span>}
      {errors > 0 ? (
        <span className="lyftnb-Count lyftnb-mod-error" title={problemsInWords(problems)}>
          <Icon name="error" size={13} />
          {errors}
        </span>
      ) : (
        warnings > 0 && (
          <span className="lyftnb-Count lyftnb-mod-warning" title={problemsInWords(problems)}>
            <Icon name="warning" size={13} />
            {warnings}
          </span>
        )
      )}
    </span>
  );
}

function Names({ names, side, dispatch }: { names: readonly string[]; side: 'in' | 'out'; dispatch?: string }): JSX.Element {
  return (
    <div className={`lyftnb-Ports-${side}`} title={dispatch}>
      {names.map(name => (
        <div key={name}>{name}</div>
      ))}
    </div>
  );
}

interface JointsProps {
  inputs: ReadonlyMap<string, number>;
  outputs: ReadonlyMap<string, number>;
  /** Whether nothing comes in. */
  closed?: boolean;
}

function Joints({ inputs, outputs, closed = false }: JointsProps): JSX.Element {
  return (
    <>
      {[...inputs].map(([id, top]) => (
        <Handle
          key={id}
          id={id}
          type="target"
          position={Position.Left}
          style={{ top }}
          className={closed ? 'lyftnb-mod-hidden' : ''}
          isConnectableStart={false}
        />
      ))}
      {[...outputs].map(([id, top]) => (
        <Handle key={id} id={id} type="source" position={Position.Right} style={{ top }} isConnectableEnd={false} />
      ))}
    </>
  );
}

function classesOf(kind: 'Step' | 'Spool', data: PartData, selected: boolean | undefined): string {
  return [
    'lyftnb-Node',
    `lyftnb-${kind}`,
    selected ? 'lyftnb-mod-selected' : '',
    data.change === null ? '' : `lyftnb-mod-${data.change.mark}`,
    data.refusal === null ? '' : 'lyftnb-mod-refused',
    data.drifted ? 'lyftnb-mod-drifted' : ''
  ]
    .filter(Boolean)
    .join(' ');
}

function tipOf(data: PartData): string {
  const problems = data.problems.map(problem => `${problem.severity}: ${problem.message}`);
  return [data.refusal ?? '', data.node.description, ...problems].filter(Boolean).join('\n');
}

/** The form of what is selected: a step, a channel, a message edge, or the workflow. */
import { type JSX, type ReactNode, useMemo } from 'react';
import { type EditorModel, type Part, useEditor } from '../editor/model';
import type { Column, Kind, Palette } from '../protocol';
import { ActionList } from './ActionList';
import { at, type Path, put, remove } from './edits';
import { type Field, fieldOf, isMapping, type Schema } from './fields';
import { Fields, FieldView } from './FieldView';
import { columnsAfter } from './fitting';
import { type Form, FormContext, useForm, useFormWith } from './form';

export function Inspector({ onRename }: { onRename: (part: Part) => void }): JSX.Element {
  const editor = useEditor();
  const { palette, document, selection } = editor;
  const [first, ...more] = selection;
  const part: Part = first ?? { kind: 'workflow' };
  const form = useEditorForm(editor);
  if (document === null || palette === null) {
    return (
      <aside className="lyftnb-Inspector" aria-label="Properties" aria-busy="true">
        {document !== null && <Named part={part} count={selection.length} />}
        {document === null && editor.revision > 0 ? (
          <p className="lyftnb-Panel-empty">The text is no workflow document: mend it first.</p>
        ) : (
          <p className="lyftnb-Panel-empty lyftnb-mod-late">Loading…</p>
        )}
      </aside>
    );
  }
  return (
    <aside className="lyftnb-Inspector" aria-label="Properties">
      {more.length > 0 ? (
        <p className="lyftnb-Panel-empty">{selection.length} parts are selected.</p>
      ) : (
        <FormContext.Provider value={form}>
          <PartForm key={JSON.stringify(part)} part={part} palette={palette} onRename={onRename} />
        </FormContext.Provider>
      )}
    </aside>
  );
}

/** What is known of a part before its form is. */
function Named({ part, count }: { part: Part; count: number }): JSX.Element | null {
  return 'name' in part && count === 1 ? (
    <header className="lyftnb-Inspector-head">
      <h2 className="lyftnb-Inspector-title">
        {part.name} <span className="lyftnb-Inspector-kind">{part.kind}</span>
      </h2>
    </header>
  ) : null;
}

function useEditorForm({ document, problems, readOnly, palette, edit }: EditorModel): Form {
  return useMemo(() => {
    const variables = isMapping(document?.context) ? Object.keys(document.context) : [];
    return {
      document,
      problems,
      readOnly,
      vocabulary: { columns: null, functions: palette?.functions ?? [], variables },
      change: (ops, label, merge) => {
        if (ops.length > 0) {
          edit(ops, label, merge === undefined ? undefined : { merge });
        }
      }
    };
  }, [document, problems, readOnly, palette, edit]);
}

interface PartFormProps {
  part: Part;
  palette: Palette;
  onRename: (part: Part) => void;
}

function PartForm({ part, palette, onRename }: PartFormProps): JSX.Element {
  const { document } = useForm();
  const { schemas } = useEditor();
  const rename = (): void => onRename(part);
  switch (part.kind) {
    case 'workflow':
      return <Settings title={String((document as Record<string, unknown>).workflow ?? 'Workflow')} kind="workflow" rename={rename} schema={palette.settings.workflow} path={[]} />;
    case 'step':
      return <StepForm name={part.name} palette={palette} rename={rename} />;
    case 'channel':
      return (
        <WithColumns columns={schemas?.channels[part.name] ?? null}>
          <Settings title={part.name} kind="channel" rename={rename} schema={palette.settings.channel} path={['channels', part.name]} />
        </WithColumns>
      );
    case 'message': {
      const edges = at(document, ['messages']);
      const index = Array.isArray(edges)
        ? edges.findIndex(edge => isMapping(edge) && edge.from === part.from && edge.tag === part.tag && edge.to === part.to)
        : -1;
      return index >= 0 ? (
        <Settings title={part.tag} kind="message edge" schema={palette.settings.message} path={['messages', index]} />
      ) : (
        <p className="lyftnb-Panel-empty">
          {part.from} emits {part.tag}; {part.to} has a trigger for it. Both are settings of these steps.
        </p>
      );
    }
  }
}

interface SettingsProps extends HeadingProps {
  schema: Schema | undefined;
  path: Path;
}

/** Fields that may name these columns. */
function WithColumns({ columns, children }: { columns: readonly Column[] | null; children: ReactNode }): JSX.Element {
  return <FormContext.Provider value={useFormWith(columns)}>{children}</FormContext.Provider>;
}

function Settings({ schema, path, ...heading }: SettingsProps): JSX.Element {
  return (
    <>
      <Heading {...heading} />
      <SchemaFields schema={schema} path={path} />
    </>
  );
}

interface HeadingProps {
  title: string;
  kind: string;
  /** Message edges have no name of their own. */
  rename?: () => void;
}

function Heading({ title, kind, rename }: HeadingProps): JSX.Element {
  const { readOnly } = useForm();
  return (
    <header className="lyftnb-Inspector-head">
      <h2 className="lyftnb-Inspector-title">
        {title} <span className="lyftnb-Inspector-kind">{kind}</span>
      </h2>
      {rename !== undefined && !readOnly && (
        <button type="button" className="lyftnb-Small" title={`Rename the ${kind} (F2)`} onClick={rename}>
          Rename…
        </button>
      )}
    </header>
  );
}

function SchemaFields({ schema, path }: { schema: Schema | undefined; path: Path }): JSX.Element | null {
  const field = useMemo(() => (schema === undefined ? null : fieldOf(schema)), [schema]);
  return field?.shape.kind === 'object' ? <Fields fields={field.shape.fields} path={path} /> : null;
}

function StepForm({ name, palette, rename }: { name: string; palette: Palette; rename: () => void }): JSX.Element {
  const { document } = useForm();
  const { schemas } = useEditor();
  const step = at(document, ['steps', name]);
  const body = isMapping(step) ? step : {};
  return (
    <>
      <Heading title={name} kind="step" rename={rename} />
      <EndForm family="input" step={name} value={body.input} palette={palette} />
      {body.notebook === undefined && <ActionList step={name} />}
      <EndForm family="output" step={name} value={body.output} palette={palette} />
      {body.notebook !== undefined && <FieldView field={NOTEBOOK} path={['steps', name, 'notebook']} />}
      <section aria-label="Settings">
        <h3>Settings</h3>
        <WithColumns columns={columnsAfter(schemas, name)}>
          <SchemaFields schema={palette.settings.step} path={['steps', name]} />
        </WithColumns>
      </section>
    </>
  );
}

const NOTEBOOK: Field = fieldOf(
  {
    type: 'object',
    description: 'A parameterised notebook, run for each fire',
    required: ['path'],
    properties: { path: { type: 'string' }, parameters: { type: 'object', additionalProperties: { type: 'string' } } }
  },
  {},
  'notebook',
  true
);

/** The input or output of a step: which kind it is, and its parameters. */
function EndForm({ family, step, value, palette }: { family: 'input' | 'output'; step: string; value: unknown; palette: Palette }): JSX.Element {
  const form = useForm();
  const path: Path = ['steps', step, family];
  const kinds = palette.kinds.filter(kind => kind.family === family);
  const used = isMapping(value) ? (Object.keys(value)[0] ?? '') : typeof value === 'string' ? value : '';
  const kind = kinds.find(one => one.name === used);
  const field = useMemo(() => (kind === undefined ? null : fieldOf(kind.params, kind.params, '', true)), [kind]);
  const choose = (name: string): void => {
    const next: Kind | undefined = kinds.find(one => one.name === name);
    const ops =
      next === undefined ? remove(form.document, path) : put(form.document, path, { [name]: structuredClone(next.example ?? null) });
    form.change(ops, next === undefined ? `Remove ${family}` : `Make the ${family} ${name}`);
  };
  return (
    <section aria-label={family} className="lyftnb-End">
      <label className="lyftnb-Field-label">
        {family === 'input' ? 'Input' : 'Output'}{' '}
        <select className="lyftnb-Input" value={used} disabled={form.readOnly} onChange={event => choose(event.target.value)}>
          <option value="">{family === 'input' ? 'none: reads channels' : 'none: writes channels'}</option>
          {kinds.map(one => (
            <option key={one.name} value={one.name}>{one.name}</option>
          ))}
        </select>
      </label>
      {kind !== undefined && <p className="lyftnb-Field-help">{kind.summary}</p>}
      {field !== null && isMapping(value) && field.shape.kind !== 'json' && (
        <FieldView field={field} path={[...path, used]} title={used} quiet />
      )}
    </section>
  );
}

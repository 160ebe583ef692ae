/** A field with its label, its help and its problems, whatever its shape. */
import { type JSX, type ReactNode, useId } from 'react';
import { problemsAt } from '../panels/problems';
import { SeveritySign } from '../panels/SeveritySign';
import { CodeField } from './CodeField';
import { Columns } from './Columns';
import { at, type Path, put, remove } from './edits';
import { blank, branchOf, type Field, shapeInWords } from './fields';
import { useForm } from './form';
import { ListField } from './ListField';
import { MapField } from './MapField';

export interface FieldProps {
  field: Field;
  path: Path;
  /** Said in place of the field's own title, as of an item: `by 2`. */
  title?: string;
  /** Whether the label is for screen readers only. */
  quiet?: boolean;
}

export interface ControlProps {
  id: string;
  field: Field;
  path: Path;
  label: string;
  describedBy: string | undefined;
  invalid: boolean;
}

export function FieldView({ field, path, title, quiet = false }: FieldProps): JSX.Element {
  const id = useId();
  const form = useForm();
  const value = at(form.document, path);
  const problems = problemsAt(form.problems, path);
  const label = title ?? field.title;
  // A new part begins with nothing where only a person can know.
  const refused = problems.some(one => one.severity === 'error');
  const missing = value === '' ? field.required || refused : field.required && value === undefined;
  const helpId = field.description === '' ? null : `${id}-help`;
  const problemId = problems.length === 0 && !missing ? null : `${id}-problems`;
  const describedBy = [helpId, problemId].filter(Boolean).join(' ') || undefined;
  const grouped = ['list', 'map', 'object', 'either'].includes(field.shape.kind);
  const control = (
    <Control
      id={id}
      field={field}
      path={path}
      label={label}
      describedBy={describedBy}
      invalid={missing || refused}
    />
  );
  return (
    <div
      className="lyftnb-Field"
      data-path={JSON.stringify(path)}
      role={grouped ? 'group' : undefined}
      aria-label={grouped ? label : undefined}
    >
      {!quiet && (
        <div className="lyftnb-Field-head">
          {grouped ? <span className="lyftnb-Field-label">{label}</span> : (
            <label className="lyftnb-Field-label" htmlFor={id}>{label}</label>
          )}
          {field.required && <span className="lyftnb-Field-required">required</span>}
          {!field.required && value !== undefined && !form.readOnly && (
            <button
              type="button"
              className="lyftnb-Field-clear"
              aria-label={`Leave out ${label}`}
              title="Leave out"
              onClick={() => form.change(remove(form.document, path), `Leave out ${label}`)}
            >
              ×
            </button>
          )}
        </div>
      )}
      {control}
      {helpId !== null && !quiet && <p id={helpId} className="lyftnb-Field-help">{field.description}</p>}
      {problemId !== null && (
        <ul id={problemId} className="lyftnb-Field-problems">
          {missing && <li className="lyftnb-mod-missing">Fill this in.</li>}
          {!missing && problems.map((problem, index) => (
            <li key={index} className={`lyftnb-mod-${problem.severity}`}>
              <SeveritySign severity={problem.severity} /> {problem.message}{problem.hint && ` (${problem.hint})`} <code>{problem.code}</code>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Control(props: ControlProps): JSX.Element {
  const { field, path } = props;
  const form = useForm();
  const { shape } = field;
  const value = at(form.document, path);
  switch (shape.kind) {
    case 'text':
      return <TextControl {...props} />;
    case 'number':
      return <NumberControl {...props} />;
    case 'boolean':
      return (
        <input
          id={props.id}
          type="checkbox"
          disabled={form.readOnly}
          checked={(value ?? field.default) === true}
          aria-describedby={props.describedBy}
          onChange={event => form.change(put(form.document, path, event.target.checked), `Change ${props.label}`)}
        />
      );
    case 'choice':
      return <ChoiceControl {...props} options={shape.options} />;
    case 'list':
      return <ListField item={shape.item} path={path} label={props.label} />;
    case 'map':
      return <MapField value={shape.value} keys={shape.keys} path={path} label={props.label} />;
    case 'object':
      return <Fields fields={shape.fields} path={path} />;
    case 'either':
      return <EitherControl {...props} branches={shape.branches} />;
    case 'json':
      return <JsonControl {...props} />;
  }
}

/** The fields of an object: the required and those that are set first, the rest behind a fold. */
export function Fields({ fields, path }: { fields: readonly Field[]; path: Path }): JSX.Element {
  const { document, problems } = useForm();
  const isShown = (field: Field): boolean => {
    const here = [...path, field.name];
    return field.required || at(document, here) !== undefined || problemsAt(problems, here, true).length > 0;
  };
  const shown = fields.filter(isShown);
  const rest = fields.filter(field => !isShown(field));
  const view = (field: Field): ReactNode => <FieldView key={field.name} field={field} path={[...path, field.name]} />;
  return (
    <div className="lyftnb-Fields">
      {shown.map(view)}
      {rest.length > 0 && (
        <details className="lyftnb-Fields-more">
          <summary>{shown.length > 0 ? `More (${rest.length})` : `Settings (${rest.length})`}</summary>
          {rest.map(view)}
        </details>
      )}
    </div>
  );
}

function TextControl({ id, field, path, label, describedBy, invalid }: ControlProps): JSX.Element {
  const form = useForm();
  const value = at(form.document, path);
  const text = value === undefined || value === null ? '' : String(value);
  const content = field.shape.kind === 'text' ? field.shape.content : 'plain';
  const set = (next: string): void => {
    const ops = next === '' && field.optional ? remove(form.document, path) : put(form.document, path, next);
    form.change(ops, `Change ${label}`, JSON.stringify(path));
  };
  if (content === 'expression' || content === 'sql' || content === 'python') {
    return (
      <CodeField
        language={content}
        value={text}
        label={label}
        describedBy={describedBy}
        invalid={invalid}
        readOnly={form.readOnly}
        vocabulary={form.vocabulary}
        onChange={set}
      />
    );
  }
  const shared = {
    id,
    className: 'lyftnb-Input',
    value: text,
    readOnly: form.readOnly,
    'aria-describedby': describedBy,
    'aria-invalid': invalid,
    'aria-label': label
  };
  if (content === 'long') {
    return <textarea {...shared} rows={Math.min(6, Math.max(2, Math.ceil(text.length / 32)))} onChange={event => set(event.target.value)} />;
  }
  return (
    <>
      <input
        {...shared}
        type="text"
        spellCheck={false}
        list={content === 'column' ? `${id}-columns` : undefined}
        placeholder={field.default === null ? undefined : String(field.default)}
        onChange={event => set(event.target.value)}
      />
      {content === 'column' && <Columns id={`${id}-columns`} />}
    </>
  );
}

/** A number, or `{{a context variable}}` in its place. */
function NumberControl({ id, field, path, label, describedBy, invalid }: ControlProps): JSX.Element {
  const form = useForm();
  const value = at(form.document, path);
  const set = (text: string): void => {
    const number = Number(text);
    const ops =
      text === '' && field.optional
        ? remove(form.document, path)
        : put(form.document, path, text.trim() === '' || Number.isNaN(number) ? text : number);
    form.change(ops, `Change ${label}`, JSON.stringify(path));
  };
  return (
    <input
      id={id}
      className="lyftnb-Input lyftnb-mod-number"
      type="text"
      inputMode="decimal"
      value={value === undefined || value === null ? '' : String(value)}
      placeholder={field.default === null ? undefined : String(field.default)}
      readOnly={form.readOnly}
      aria-label={label}
      aria-describedby={describedBy}
      aria-invalid={invalid}
      onChange={event => set(event.target.value)}
    />
  );
}

function ChoiceControl({ id, field, path, label, describedBy, invalid, options }: ControlProps & { options: readonly unknown[] }): JSX.Element {
  const form = useForm();
  const value = at(form.document, path);
  const chosen = options.findIndex(option => option === value);
  return (
    <select
      id={id}
      className="lyftnb-Input"
      value={chosen}
      disabled={form.readOnly}
      aria-label={label}
      aria-describedby={describedBy}
      aria-invalid={invalid}
      onChange={event => {
        const index = Number(event.target.value);
        const ops = index < 0 ? remove(form.document, path) : put(form.document, path, options[index]);
        form.change(ops, `Change ${label}`);
      }}
    >
      {(chosen < 0 || field.optional) && (
        <option value={-1}>{field.default === null ? '(not set)' : `(default: ${String(field.default)})`}</option>
      )}
      {options.map((option, index) => <option key={index} value={index}>{String(option)}</option>)}
    </select>
  );
}

/** A short form or a long one: a switch, and the form of the one in use. */
function EitherControl({ id, field, path, label, invalid, branches }: ControlProps & { branches: readonly Field[] }): JSX.Element {
  const form = useForm();
  const value = at(form.document, path);
  const found = branchOf(branches, value);
  const used = Math.max(0, found);
  const branch = branches[used];
  return (
    <div className="lyftnb-Either">
      <select
        id={id}
        className="lyftnb-Either-switch"
        aria-label={`Form of ${label}`}
        disabled={form.readOnly}
        value={used}
        onChange={event => {
          const next = branches[Number(event.target.value)];
          if (next !== undefined) {
            form.change(put(form.document, path, carried(value, next)), `Write ${label} as ${shapeInWords(next.shape)}`);
          }
        }}
      >
        {branches.map((one, index) => <option key={index} value={index}>{shapeInWords(one.shape)}</option>)}
      </select>
      {branch !== undefined && (found >= 0 || value === undefined) ? (
        <Control id={`${id}-in`} field={{ ...branch, optional: field.optional }} path={path} label={label} describedBy={undefined} invalid={invalid} />
      ) : (
        <JsonControl id={`${id}-in`} field={field} path={path} label={label} describedBy={undefined} invalid />
      )}
    </div>
  );
}

/** What was written, in another form: what is known of it is kept. */
export function carried(value: unknown, to: Field): unknown {
  const { shape } = to;
  if (value === undefined || value === null) {
    return blank(to);
  }
  if (shape.kind === 'list') {
    return Array.isArray(value) ? value : typeof value === 'object' ? Object.keys(value) : value === '' ? [] : [value];
  }
  const single = Array.isArray(value) ? value[0] : typeof value === 'object' ? undefined : value;
  if (shape.kind === 'text' || shape.kind === 'number') {
    return single ?? blank(to);
  }
  if (shape.kind === 'map') {
    const names = (Array.isArray(value) ? value : [value]).filter(one => typeof one === 'string');
    return Object.fromEntries(names.map(name => [name, name]));
  }
  if (shape.kind === 'object') {
    const first = shape.fields.find(field => field.required) ?? shape.fields[0];
    return first === undefined ? {} : { ...(blank(to) as object), [first.name]: value };
  }
  return blank(to);
}

/** What has no form of its own, as JSON; taken when it can be read. */
function JsonControl({ id, path, label, describedBy, invalid }: ControlProps): JSX.Element {
  const form = useForm();
  const value = at(form.document, path);
  const text = asTyped(value);
  return (
    <input
      id={id}
      key={text}
      className="lyftnb-Input lyftnb-mod-code"
      defaultValue={text}
      readOnly={form.readOnly}
      spellCheck={false}
      aria-label={`${label}, as JSON`}
      aria-describedby={describedBy}
      aria-invalid={invalid}
      onBlur={event => {
        const next = event.target.value.trim();
        if (next !== text) {
          form.change(next === '' ? remove(form.document, path) : put(form.document, path, readJson(next)), `Change ${label}`);
        }
      }}
    />
  );
}

/** What a person types for a value: JSON; a text as it is, unless it would be read as something else. */
function asTyped(value: unknown): string {
  if (value === undefined) {
    return '';
  }
  const plain = typeof value === 'string' && value !== '' && value.trim() === value && readJson(value) === value;
  return plain ? value : JSON.stringify(value);
}

/** JSON, or the text itself where it is none. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

// Made by `npm run types` from lyftnb/workspace/studio/protocol. Do not edit.

export interface Protocol {
  Answers: Answers;
  News: News;
  Questions: Questions;
  Trouble: Trouble;
}
export interface Answers {
  apply: Deployment;
  audit: AuditEntry[];
  batches: BatchInfo[];
  compare: Difference;
  'deployed.steps': string[] | null;
  deployment: DeploymentView;
  deployments: DeploymentStatus[];
  destroy: null;
  'draft.change': DraftState;
  'draft.close': null;
  'draft.merge': Merged;
  'draft.open': OpenedDraft;
  'draft.plan': Shape;
  'draft.replace': DraftState;
  'draft.schemas': Schemas;
  'draft.text': DraftSource;
  fire: Run;
  'issue.close': null;
  issues: Issue[];
  logs: LogLines;
  messages: Message[];
  palette: Palette;
  pause: Deployment;
  plan: PlanView;
  publish: VersionInfo;
  release: Release;
  resume: Deployment;
  retry: null;
  rollback: Deployment;
  'run.begin': Began;
  'run.cancel': null;
  runs: Run[];
  schedules: Schedule[];
  skip: null;
  spool: SpoolView;
  'spool.facts': ColumnFacts[];
  'spool.rows': Table;
  spools: SpoolInfo[];
  sql: Table;
  state: Table;
  'trace.cancel': null;
  'trace.follow': Followed;
  'trace.rows': Table;
  'trace.run': TraceResult;
  unwatch: null;
  version: VersionDocument;
  versions: VersionInfo[];
  watch: null;
  workspace: Workspace;
}
/**
 * A version that was applied in a context, as it is to run now.
 */
export interface Deployment {
  applied_at: string;
  applied_by: string;
  context: string | null;
  gate?: Gate | null;
  name: string;
  pauses: Pauses;
  revision: number;
  settings: Settings;
  version: number;
  workflow: string;
}
/**
 * What a revision has to pass: over its first batches it may do no worse than the one before it
 * did over its last ones.
 */
export interface Gate {
  batches: number;
  before: number;
  snapshot: number;
}
/**
 * What of a deployment is held back, by hand.
 */
export interface Pauses {
  stages?: {
    [k: string]: boolean;
  };
  whole?: boolean;
}
/**
 * What belongs to a deployment rather than to the version; kept from revision to revision.
 */
export interface Settings {
  groups?: {
    [k: string]: string;
  };
  replicas?: {
    [k: string]: number;
  };
}
/**
 * One change of desired state: who made it, when, and of what.
 */
export interface AuditEntry {
  changed_at: string;
  detail: {
    [k: string]: unknown;
  };
  entry: number;
  ref: string;
  what: string;
  who: string;
}
/**
 * A committed batch.
 */
export interface BatchInfo {
  attempt: number;
  batch: string;
  committed_at: string;
  rejects: number;
  rows_in: number;
  rows_out: number;
  snapshot: number;
  stage: string;
}
/**
 * Two documents against each other; parts that are the same are not listed.
 */
export interface Difference {
  after: {
    [k: string]: unknown;
  };
  before: {
    [k: string]: unknown;
  };
  parts: PartChange[];
}
/**
 * What happened to a step, channel or message edge.
 */
export interface PartChange {
  fields: FieldChange[];
  mark: 'create' | 'update' | 'replace' | 'remove' | 'keep' | 'moved';
  name: string;
  part: 'step' | 'channel' | 'message' | 'workflow';
  was: string | null;
}
/**
 * One field that differs; None: it is not there.
 */
export interface FieldChange {
  after: unknown;
  before: unknown;
  path: (string | number)[];
}
/**
 * A deployment as the sidebar and the canvas show it.
 */
export interface DeploymentView {
  deployment: Deployment;
  document: {
    [k: string]: unknown;
  };
  drifted: string[];
  history: RevisionInfo[];
  shape: Shape;
  status: DeploymentStatus;
}
/**
 * One apply of a deployment.
 */
export interface RevisionInfo {
  applied_at: string;
  applied_by: string;
  cause: string;
  changes: string[];
  context: string | null;
  number: number;
  ref: string;
}
/**
 * The plan of a draft, as far as a picture shows it.
 */
export interface Shape {
  channels: ChannelShape[];
  groups: {
    [k: string]: string;
  };
  relays: string[];
  revision: number;
  stages: StageShape[];
  text: string;
}
/**
 * A channel as planned.
 */
export interface ChannelShape {
  consumers: string[];
  name: string;
  port: string;
  producer: string;
  reason: string;
  rejects: boolean;
  replaced: boolean;
  transport: 'worker' | 'spool';
}
/**
 * A stage: steps that run and commit together.
 */
export interface StageShape {
  id: string;
  steps: string[];
  traits: string[];
}
/**
 * How a deployment stands: whether what there is is what is desired, and whether it works.
 */
export interface DeploymentStatus {
  context: string | null;
  health: 'healthy' | 'progressing' | 'degraded' | 'paused';
  health_reason: string;
  lag_rows: number;
  name: string;
  ref: string;
  revision: number;
  sync: 'synced' | 'drifted';
  sync_reason: string;
}
/**
 * A draft after a question about it. `revision` grows with each change.
 */
export interface DraftState {
  document: {
    [k: string]: unknown;
  } | null;
  draft: string;
  problems: Problem[];
  readable: boolean;
  revision: number;
}
/**
 * One finding. `path` leads into the document: `("steps", "clean", "actions", 1, "derive")`.
 */
export interface Problem {
  code: string;
  file: string | null;
  hint: string;
  line: number | null;
  message: string;
  path: (string | number)[];
  severity: 'error' | 'warning' | 'note';
}
/**
 * Both changes together. Where both changed the same, the draft's own stands.
 */
export interface Merged {
  conflicts: (string | number)[][];
  state: DraftState;
}
/**
 * A draft that was opened, with its plan, so that it is drawn at once as it will run.
 */
export interface OpenedDraft {
  shape: Shape | null;
  state: DraftState;
}
/**
 * What is known of columns; of a channel: those that its producer gives.
 */
export interface Schemas {
  channels: {
    [k: string]: Column[] | null;
  };
  revision: number;
  steps: {
    [k: string]: StepSchemas;
  };
}
/**
 * A column: its name and type, as schemas of spools have them.
 */
export interface Column {
  name: string;
  type: string;
}
/**
 * The columns before each action of a step and after the last; None: not known.
 */
export interface StepSchemas {
  before: (Column[] | null)[];
  tables: {
    [k: string]: Column[] | null;
  };
}
/**
 * A draft as text.
 */
export interface DraftSource {
  problems: Problem[];
  revision: number;
  text: string;
}
/**
 * A fire and what became of it. The row is the fire: it is made once, whatever is killed.
 */
export interface Run {
  cause?:
    'hand' | 'apply' | 'data' | 'interval' | 'cron' | 'message' | 'manual' | 'watch' | 'runbook';
  correlation?: string | null;
  deployment: string;
  depth?: number;
  ended_at?: string | null;
  fired_at?: string | null;
  messages?: {
    [k: string]: unknown;
  }[];
  note?: string | null;
  run: string;
  snapshot?: number | null;
  stage?: string | null;
  started_at?: string | null;
  status?: 'queued' | 'running' | 'done' | 'blocked' | 'failed' | 'cancelled' | 'lost' | 'skipped';
  trigger?: string | null;
  window_end?: string | null;
  window_start?: string | null;
}
/**
 * An issue as the ledger has it. Cause, severity, hint and facts are the newest.
 */
export interface Issue {
  cause: string;
  closed_at?: string | null;
  code: string;
  count: number;
  facts: {
    [k: string]: unknown;
  };
  first_at: string;
  hint: string | null;
  id: number;
  last_at: string;
  place: string;
  severity: 'error' | 'warning' | 'note';
}
/**
 * The manager's newest log lines.
 */
export interface LogLines {
  lines: string[];
}
/**
 * A message on the bus. Ids grow in the order in which messages became visible.
 */
export interface Message {
  at: string;
  batch?: string | null;
  correlation?: string | null;
  depth?: number;
  id: number;
  job?: string | null;
  kind: 'system' | 'user';
  payload: unknown;
  run?: string | null;
  source: 'manager' | 'worker' | 'job' | 'client';
  tag: string | null;
  type: string;
}
/**
 * What may be put on a canvas.
 */
export interface Palette {
  document: {
    [k: string]: unknown;
  };
  functions: SqlFunction[];
  groups: string[];
  kinds: Kind[];
  settings: {
    [k: string]: {
      [k: string]: unknown;
    };
  };
}
/**
 * A function of the expression dialect, for completion.
 */
export interface SqlFunction {
  aggregate: boolean;
  doc: string;
  name: string;
  signature: string;
}
/**
 * An action, input or output that a step may use.
 */
export interface Kind {
  columns: Column[];
  doc: string;
  example: {
    [k: string]: unknown;
  };
  family: 'action' | 'input' | 'output';
  icon: string;
  name: string;
  params: {
    [k: string]: unknown;
  };
  plain: {
    [k: string]: unknown;
  };
  summary: string;
}
/**
 * A plan as a screen shows it.
 */
export interface PlanView {
  accept: string[];
  based_on: number;
  changes: (
    | SettingChange
    | JobChange
    | ChannelChange
    | ScheduleChange
    | CheckpointChange
    | StateChange
    | SchemaChange
    | StaleHistory
  )[];
  context: string | null;
  deployment: string;
  document: {
    [k: string]: unknown;
  };
  empty: boolean;
  id: string;
  parts: PartChange[];
  problems: Problem[];
  ref: string;
  shape: Shape;
  text: string;
}
/**
 * The deployment itself: which version, and which context.
 */
export interface SettingChange {
  after: unknown;
  before: unknown;
  name: string;
  noun: 'setting';
}
/**
 * What happens to the job of a step.
 */
export interface JobChange {
  fields: FieldDiff[];
  noun: 'job';
  renamed_from: string | null;
  step: string;
  verb: 'create' | 'update' | 'replace' | 'remove' | 'keep';
}
/**
 * One field that differs. None: it is not there.
 */
export interface FieldDiff {
  after: unknown;
  before: unknown;
  path: string;
}
/**
 * What happens to a channel. The rows of one that is removed stay.
 */
export interface ChannelChange {
  channel: string;
  fields: FieldDiff[];
  noun: 'channel';
  rows: number;
  transport: 'worker' | 'spool';
  verb: 'create' | 'update' | 'replace' | 'remove' | 'keep';
}
/**
 * What happens to the triggers of a step, told in words.
 */
export interface ScheduleChange {
  after: string;
  before: string;
  noun: 'schedule';
  step: string;
  verb: 'create' | 'update' | 'replace' | 'remove' | 'keep';
}
/**
 * What happens to the position of a step's input.
 */
export interface CheckpointChange {
  fate: 'keep' | 'start' | 'drain' | 'reset' | 'drop';
  input: string;
  moved_from: string | null;
  noun: 'checkpoint';
  now: boolean;
  step: string;
  unread: number | null;
  why: string;
}
/**
 * What happens to what an action keeps from batch to batch: frames, or marks of what it saw.
 */
export interface StateChange {
  action: string;
  fate: 'keep' | 'start' | 'drain' | 'reset' | 'drop';
  kept_as: 'frames' | 'marks';
  moved_from: string | null;
  noun: 'state';
  step: string;
  why: string;
}
/**
 * An effect on data: a column that a spool gets, or that new rows hold otherwise.
 */
export interface SchemaChange {
  after: string | null;
  before: string | null;
  channel: string;
  column: string;
  noun: 'schema';
}
/**
 * An effect on data: rows that the changed step would not make like this any more.
 */
export interface StaleHistory {
  because: string[];
  bytes: number;
  channel: string;
  noun: 'history';
  reads_bytes: number | null;
  reads_rows: number | null;
  rows: number;
}
/**
 * A published version.
 */
export interface VersionInfo {
  digest: string;
  number: number;
  published_at: string;
  ref: string;
  workflow: string;
}
/**
 * What answers: of which version of lyftnb it is, and what it understands.
 */
export interface Release {
  protocol: string;
  version: string;
}
/**
 * A run that was begun.
 */
export interface Began {
  deployment: string;
  run: string;
}
/**
 * A trigger that the clock fires.
 */
export interface Schedule {
  deployment: string;
  next: string[];
  paused: boolean;
  step: string;
  trigger: string;
}
/**
 * A spool, with all that a browser shows of it beside rows.
 */
export interface SpoolView {
  columns: Column[];
  info: SpoolInfo;
  schemas: SchemaVersion[];
  segments: SegmentInfo[];
  snapshots: SnapshotInfo[];
}
/**
 * A spool as of the newest snapshot; `rows`, `bytes` and `segments` count what is live.
 */
export interface SpoolInfo {
  bytes: number;
  event_time: string | null;
  next_seq: number;
  partition: string | null;
  policy: string;
  rejects: boolean;
  replaced: boolean;
  rows: number;
  schema: Schema | null;
  segments: number;
  spool: string;
  state: string | null;
}
/**
 * The columns of a frame or a spool, in order.
 */
export interface Schema {
  fields?: Field[];
}
/**
 * One column: its name and its type as text.
 */
export interface Field {
  name: string;
  type: string;
}
/**
 * The columns of a spool from a snapshot on.
 */
export interface SchemaVersion {
  columns: Column[];
  committed_at: string | null;
  snapshot: number;
}
/**
 * One file of a spool.
 */
export interface SegmentInfo {
  added: number;
  batch: string | null;
  bytes: number;
  event_max: string | null;
  event_min: string | null;
  first_seq: number;
  kind: string;
  partition: string | null;
  removed: number | null;
  rows: number;
  segment: string;
}
/**
 * A commit that changed a spool.
 */
export interface SnapshotInfo {
  batch: string | null;
  committed_at: string;
  kind: string;
  rows: number;
  snapshot: number;
  total: number;
}
/**
 * A column of a traced frame, in numbers.
 */
export interface ColumnFacts {
  distinct: number | null;
  max: string | null;
  mean: string | null;
  min: string | null;
  name: string;
  nulls: number;
  top: [unknown, unknown][];
  type: string;
}
/**
 * Rows to show. Values are JSON: what JSON has no word for is text.
 */
export interface Table {
  columns: Column[];
  offset: number;
  rows: unknown[][];
  total: number | null;
}
/**
 * A row's way. `exact` is false behind an action that mixes rows (an aggregate, a sort).
 */
export interface Followed {
  exact: boolean;
  note: string;
  sightings: Sighting[];
}
/**
 * Where the followed row is: rows at one place that came of it, or that it came of.
 */
export interface Sighting {
  at: string;
  rejected: number[];
  rows: number[];
  step: string;
}
/**
 * What a draft did to a sample.
 */
export interface TraceResult {
  points: TracePoint[];
  revision: number;
  sample: number;
  trace: string;
}
/**
 * The events at one place of a step.
 */
export interface TracePoint {
  action: number | null;
  at: string;
  channel: string | null;
  columns: ColumnFacts[];
  error: string | null;
  rejects: number;
  rows: number;
  seconds: number;
  step: string;
}
/**
 * A published version, whole.
 */
export interface VersionDocument {
  document: {
    [k: string]: unknown;
  };
  info: VersionInfo;
}
/**
 * The workspace that a canvas belongs to.
 */
export interface Workspace {
  contexts: string[];
  root: string;
  state: 'up' | 'down' | 'gone';
  version: string;
}
export interface News {
  issue: Issue;
  message: Message;
  progress: Numbers;
  run: Run;
  status: DeploymentStatus[];
  workspace: Workspace;
}
/**
 * News of a deployment at work: a few times a second at most, all stages together.
 */
export interface Numbers {
  lags: ChannelLag[];
  progress: Progress;
  signs: {
    [k: string]: 'running' | 'waiting' | 'retrying' | 'done' | 'blocked' | 'paused' | 'drifted';
  };
}
/**
 * How far a consumer is behind on a channel.
 */
export interface ChannelLag {
  age_s: number | null;
  bytes: number | null;
  channel: string;
  rows: number | null;
  step: string;
}
/**
 * A whole run, as of now.
 */
export interface Progress {
  deployment: string;
  seconds: number;
  stages: StageProgress[];
  texts: string[];
}
/**
 * One stage, as of now. Rows and rejects count what is committed in this run.
 */
export interface StageProgress {
  batches: number;
  counts: StepCount[];
  note: string;
  rejects: number;
  rows_in: number;
  rows_out: number;
  rows_per_s: number;
  skipped: number;
  stage: string;
  state: 'waiting' | 'running' | 'retrying' | 'done' | 'blocked' | 'paused';
  units: number;
  units_done: number;
}
/**
 * What one step did in a batch (or one split of it).
 *
 * Rows between steps that run as one query are not counted (None): counting them would cost what
 * the fusion saves.
 */
export interface StepCount {
  dropped: number;
  rejects: number;
  rows_in: number | null;
  rows_out: number | null;
  step: string;
}
export interface Questions {
  apply: Apply;
  audit: Listing;
  batches: Listing;
  compare: Compare;
  'deployed.steps': GetDeployedSteps;
  deployment: GetDeployment;
  deployments: Listing;
  destroy: Destroy;
  'draft.change': ChangeDraft;
  'draft.close': CloseDraft;
  'draft.merge': MergeDraft;
  'draft.open': OpenDraft;
  'draft.plan': DraftPlan;
  'draft.replace': ReplaceDraft;
  'draft.schemas': DraftSchemas;
  'draft.text': DraftText;
  fire: StageOf;
  'issue.close': CloseIssue;
  issues: Listing;
  logs: Listing;
  messages: Listing;
  palette: GetPalette;
  pause: Hold;
  plan: MakePlan;
  publish: Publish;
  release: GetRelease;
  resume: Hold;
  retry: StageOf;
  rollback: Rollback;
  'run.begin': BeginRun;
  'run.cancel': CancelRun;
  runs: Listing;
  schedules: Listing;
  skip: StageOf;
  spool: SpoolName;
  'spool.facts': SpoolName;
  'spool.rows': SpoolRows;
  spools: ListSpools;
  sql: RunSql;
  state: StateQuery;
  'trace.cancel': CancelTrace;
  'trace.follow': FollowRow;
  'trace.rows': TraceRows;
  'trace.run': RunTrace;
  unwatch: GetWorkspace;
  version: GetVersion;
  versions: ListVersions;
  watch: Watch;
  workspace: GetWorkspace;
}
/**
 * Carry a plan out.
 */
export interface Apply {
  accept?: string[];
  gate?: number | null;
  plan: string;
}
/**
 * A page of a listing.
 */
export interface Listing {
  closed?: boolean;
  deployment?: string | null;
  limit?: number;
  offset?: number;
}
/**
 * Hold two documents against each other. Each is a draft's name, or a published reference.
 */
export interface Compare {
  after: string;
  before: string;
}
/**
 * The steps of all deployments of a workflow, with no manager started; null where it cannot be
 * told.
 */
export interface GetDeployedSteps {
  workflow: string;
}
/**
 * One deployment.
 */
export interface GetDeployment {
  deployment: string;
}
/**
 * Let a deployment run no more; with `data`, its spools are emptied, too.
 */
export interface Destroy {
  data?: boolean;
  deployment: string;
}
/**
 * Change a draft. Refused with `stale_draft` if it is at another revision, and with
 * `unknown_draft` after a restart: open it again with the text.
 */
export interface ChangeDraft {
  draft: string;
  ops: Op[];
  revision: number;
}
/**
 * One change of a document. `put` makes the value at `path` (in a list: replaces the item),
 * `insert` puts an item before an index of a list, `remove` takes a key or an item away, `rename`
 * gives a key another name in its place, `order` lists a mapping's keys anew.
 */
export interface Op {
  op: 'put' | 'insert' | 'remove' | 'rename' | 'order';
  path: (string | number)[];
  value?: {
    [k: string]: unknown;
  };
}
/**
 * Forget a draft.
 */
export interface CloseDraft {
  draft: string;
}
/**
 * Its file has changed: bring both together, by step, channel and key.
 */
export interface MergeDraft {
  base: string;
  draft: string;
  revision: number;
  theirs: string;
}
/**
 * Begin to edit a text, or go on: `draft` is the asker's own name for it. A draft that is
 * open already under that name is begun anew.
 */
export interface OpenDraft {
  draft: string;
  file?: string | null;
  text: string;
}
/**
 * What a draft compiles to: regions and transports to draw. Refused if it has errors.
 */
export interface DraftPlan {
  context?: string | null;
  draft: string;
}
/**
 * Give a draft another text, as the YAML view does.
 */
export interface ReplaceDraft {
  draft: string;
  revision: number;
  text: string;
}
/**
 * Which columns are known where, for completion and for what a click on an edge shows.
 */
export interface DraftSchemas {
  draft: string;
}
/**
 * The text of a draft: comments, order and layout of what did not change are kept.
 */
export interface DraftText {
  draft: string;
}
/**
 * A stage of a deployment, by its first step: to retry, to skip, to fire.
 */
export interface StageOf {
  deployment: string;
  payload?: {
    [k: string]: unknown;
  } | null;
  step: string;
}
/**
 * Close an issue; one whose cause is still there comes back.
 */
export interface CloseIssue {
  issue: number;
}
/**
 * What may be put on a canvas in this workspace.
 */
export interface GetPalette {}
/**
 * Pause or resume a deployment, or one stage of it.
 */
export interface Hold {
  deployment: string;
  step?: string | null;
}
/**
 * Say what applying a published version would change.
 */
export interface MakePlan {
  context?: string | null;
  groups?: {
    [k: string]: string;
  };
  name?: string | null;
  ref: string;
  replicas?: {
    [k: string]: number;
  };
}
/**
 * Freeze a draft as its next version; unchanged, the same version comes back.
 */
export interface Publish {
  context?: string | null;
  draft: string;
}
/**
 * Which release answers: a page may have been loaded from another one.
 */
export interface GetRelease {}
/**
 * Apply an older revision again; without one, the one before.
 */
export interface Rollback {
  accept?: string[];
  deployment: string;
  revision?: number | null;
}
/**
 * Run a draft or a published version to the end of its inputs. It goes on without the asker;
 * its numbers are news of the topic `progress`, its end one of `run`.
 */
export interface BeginRun {
  context?: string | null;
  draft?: string | null;
  fresh?: boolean;
  ref?: string | null;
}
/**
 * End a run as Ctrl-C would: what is committed stays.
 */
export interface CancelRun {
  run: string;
}
/**
 * A spool, `DEPLOYMENT.CHANNEL`, as it stood at a snapshot (None: now).
 */
export interface SpoolName {
  at?: number | null;
  spool: string;
}
/**
 * Rows of a spool at a snapshot.
 */
export interface SpoolRows {
  at?: number | null;
  limit?: number;
  offset?: number;
  spool: string;
}
/**
 * All spools by name; with `deployment`, its own.
 */
export interface ListSpools {
  deployment?: string | null;
}
/**
 * One statement that reads, over spools and the state tables under `lyftnb.`.
 */
export interface RunSql {
  limit?: number;
  text: string;
}
/**
 * What the ledger keeps beside spools. Secrets come without values.
 */
export interface StateQuery {
  limit?: number;
  name?: string | null;
  offset?: number;
  prefix?: string;
  what: 'namespaces' | 'keys' | 'queues' | 'items' | 'locks' | 'contexts' | 'secrets';
}
/**
 * Stop a trace that is under way; its question is answered with `cancelled`.
 */
export interface CancelTrace {
  draft: string;
}
/**
 * Follow one row of a trace through the graph, both ways.
 */
export interface FollowRow {
  at: string;
  row: number;
  step: string;
  trace: string;
}
/**
 * Rows at one place of a trace.
 */
export interface TraceRows {
  at: string;
  limit?: number;
  offset?: number;
  rejects?: boolean;
  step: string;
  trace: string;
}
/**
 * Run a draft on a sample, in memory; replaces the draft's trace before.
 */
export interface RunTrace {
  context?: string | null;
  draft: string;
  rows?: number;
  until?: string | null;
}
/**
 * Which workspace this is; with `start`, its manager is found or started.
 */
export interface GetWorkspace {
  start?: boolean;
}
/**
 * A published version's document: `NAME@3`, or `NAME`, the newest.
 */
export interface GetVersion {
  ref: string;
}
/**
 * Published versions, newest first; of one workflow or of all.
 */
export interface ListVersions {
  workflow?: string | null;
}
/**
 * Send news of the workspace from now on; of one deployment, or of all.
 */
export interface Watch {
  deployments?: string[] | null;
}
/**
 * An error, as `lyftnb.errors` says it.
 */
export interface Trouble {
  code: string;
  facts: {
    [k: string]: unknown;
  };
  hint: string | null;
  message: string;
  problems: Problem[];
  where: string | null;
}

/** What this page was built with. */
export const RELEASE: Release = { version: '0.1.0', protocol: '266e709920b45540' };

export type * from './protocol';
export { ServiceError, type Service } from './service';
export type { EditorModel, Overlay, Part } from './editor/model';
export { Inspector } from './forms/Inspector';
export { ProblemsPanel } from './panels/ProblemsPanel';
export { RowsTable, type CellMark, type RowsTableProps } from './panels/RowsTable';
export { TextPanel } from './panels/TextPanel';

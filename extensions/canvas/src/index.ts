export type * from './protocol';
export { Dialogue, disconnected, type Question } from './dialogue';
export { ServiceError, type ConnectionListener, type Service } from './service';
export type { EditorModel, Overlay, PanelName, Part } from './editor/model';
export type { EditorApi, WorkflowEditorProps } from './editor/WorkflowEditor';
export { fetchEditor, Sidebar, WorkflowEditor } from './later';
export { causeOf } from './views/issues';
export { keyOf, type Target, type ViewName, type ViewProps } from './views/registry';
export { kindOf, titleOf, View } from './views/View';

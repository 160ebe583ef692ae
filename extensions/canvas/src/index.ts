export type * from './protocol';
export { ServiceError, type Service } from './service';
export type { EditorModel, Overlay, Part } from './editor/model';

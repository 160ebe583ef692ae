/** The notebook widgets: one model and one view for all that a notebook shows of lyftnb. */
export { StudioModel, StudioView } from './studio';
export { MODULE, VERSION } from './module';

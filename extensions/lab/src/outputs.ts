/** What a notebook shows of a view: the view itself while its kernel has it, else the picture that was
 * saved with it. */
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { IRenderMime, IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import { Panel, type Widget } from '@lumino/widgets';

/** What Python puts beside the view and the picture; `lyftnb.widgets.widget.OUTPUT`. */
const OUTPUT = 'application/vnd.lyftnb.view+json';
const VIEW = 'application/vnd.jupyter.widget-view+json';
const PICTURE = 'text/html';
/** Before that of ipywidgets, which has nothing but words where a view is gone. */
const RANK = -20;

type Notebook = DocumentRegistry.IWidgetExtension<NotebookPanel, DocumentRegistry.IModel>;
type NotebookPanel = Widget & { content: { rendermime: IRenderMimeRegistry } } & IDisposable;

/** For `docRegistry.addWidgetExtension('Notebook', …)`: each notebook has renderers of its own. */
export const outputs = {
  createNew: (panel: NotebookPanel): IDisposable => {
    const { rendermime } = panel.content;
    rendermime.addFactory(
      { safe: false, mimeTypes: [OUTPUT], createRenderer: () => new Output(rendermime) },
      RANK
    );
    return new DisposableDelegate(() => rendermime.removeMimeType(OUTPUT));
  }
} as unknown as Notebook;

/** Both are there; the style shows the picture as long as no view has come. */
class Output extends Panel implements IRenderMime.IRenderer {
  constructor(private readonly rendermime: IRenderMimeRegistry) {
    super();
    this.addClass('lyftnb-Output');
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    while (this.widgets.length > 0) {
      this.widgets[0]?.dispose();
    }
    const kinds = [VIEW, PICTURE].filter(kind => kind in model.data && this.rendermime.getFactory(kind));
    await Promise.all(
      kinds.map(kind => {
        const renderer = this.rendermime.createRenderer(kind);
        renderer.addClass(kind === VIEW ? 'lyftnb-Output-view' : 'lyftnb-Output-picture');
        this.addWidget(renderer);
        return renderer.renderModel(model);
      })
    );
  }
}

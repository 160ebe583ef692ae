/** Our notebook widgets, told to ipywidgets' front end where there is one. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { IJupyterWidgetRegistry } from '@jupyter-widgets/base';
import { MODULE, VERSION } from '@lyftnb/widgets/lib/module';

/** Register them; where ipywidgets has no part in the lab, nothing.
 *
 * Its package is shared by the lab, not bundled with us. A plain import of it, even for the token
 * alone, would keep all of lyftnb from loading in a lab without it: so it is fetched here, and may fail. */
export async function registerWidgets(app: JupyterFrontEnd): Promise<void> {
  const registry = await registryOf(app);
  registry?.registerWidget({
    name: MODULE,
    version: VERSION,
    exports: async () => {
      const { StudioModel, StudioView } = await import('@lyftnb/widgets');
      return { StudioModel, StudioView };
    }
  });
}

async function registryOf(app: JupyterFrontEnd): Promise<IJupyterWidgetRegistry | null> {
  try {
    const { IJupyterWidgetRegistry: token } = await import('@jupyter-widgets/base');
    return await app.resolveOptionalService(token);
  } catch (reason) {
    console.info('lyftnb: no widgets in notebooks, for jupyterlab_widgets is not there.', reason);
    return null;
  }
}

/** Our icons; they take their colour from the theme. */
import { LabIcon } from '@jupyterlab/ui-components';

function icon(name: string, body: string): LabIcon {
  // The theme colours what of `jp-icon3` has a fill or a stroke of its own: lines only.
  const svgstr =
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24" fill="none">' +
    `<g class="jp-icon3" stroke="#616161" stroke-width="2" stroke-linecap="round"` +
    ` stroke-linejoin="round">${body}</g></svg>`;
  return new LabIcon({ name: `lyftnb:${name}`, svgstr });
}

export const workflowIcon = icon(
  'workflow',
  '<rect x="2.5" y="9" width="6" height="6" rx="1.5"/><rect x="15.5" y="3" width="6" height="6" rx="1.5"/>' +
    '<rect x="15.5" y="15" width="6" height="6" rx="1.5"/><path d="M8.5 12h2.5c2 0 1-6 4.5-6M11 12c2 0 1 6 4.5 6"/>'
);
export const deploymentIcon = icon('deployment', '<circle cx="12" cy="12" r="9"/><path d="M10 8.5v7l5.5-3.5z"/>');
export const spoolIcon = icon(
  'spool',
  '<ellipse cx="12" cy="5.5" rx="8" ry="3"/><path d="M4 5.5v13c0 1.7 3.6 3 8 3s8-1.3 8-3v-13M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3"/>'
);
export const monitorIcon = icon('monitor', '<path d="M3 20h18M5 16l4-6 4 3 6-9"/>');

/** Names that several files need. */
/** Of our texts among those of a language pack. */
export const DOMAIN = 'lyftnb';
export const FILE_TYPE = 'lyftnb-workflow';
export const FACTORY = 'Workflow';
export const SUFFIX = '.workflow.yaml';

export const Command = {
  create: 'lyftnb:new-workflow',
  openFile: 'lyftnb:open-workflow',
  traceFile: 'lyftnb:trace-workflow',
  publishFile: 'lyftnb:publish-workflow',
  showProblems: 'lyftnb:show-problems',
  showText: 'lyftnb:show-text',
  openView: 'lyftnb:open-view',
  openSpools: 'lyftnb:open-spools',
  openMonitor: 'lyftnb:open-run-monitor',
  openState: 'lyftnb:open-state',
  showSidebar: 'lyftnb:show-sidebar',
  startManager: 'lyftnb:start-manager',
  refresh: 'lyftnb:refresh'
} as const;

/** What Python calls this module. */
export const MODULE = 'lyftnb-widgets';
export const VERSION = '0.1.0';

/** CodeMirror in the colours of the lab, light or dark, with fallbacks outside of it. */
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

const frame = EditorView.theme({
  '&': {
    color: 'var(--jp-content-font-color1, #222)',
    backgroundColor: 'var(--jp-layout-color1, #fff)',
    fontSize: 'var(--jp-code-font-size, 13px)',
    height: '100%'
  },
  '.cm-scroller': { fontFamily: 'var(--jp-code-font-family, monospace)', lineHeight: '1.4' },
  '.cm-content': { caretColor: 'var(--jp-editor-cursor-color, #222)' },
  '.cm-cursor': { borderLeftColor: 'var(--jp-editor-cursor-color, #222)' },
  '.cm-gutters': {
    color: 'var(--jp-ui-font-color2, #666)',
    backgroundColor: 'var(--jp-layout-color2, #f3f3f3)',
    borderRight: '1px solid var(--jp-border-color2, #e0e0e0)'
  },
  '.cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--jp-brand-color1, #1976d2) 7%, transparent)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    background: 'var(--jp-editor-selected-focused-background, #d7d4f0)'
  },
  '.cm-tooltip': {
    color: 'var(--jp-ui-font-color1, #222)',
    backgroundColor: 'var(--jp-layout-color1, #fff)',
    border: '1px solid var(--jp-border-color1, #bdbdbd)'
  },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    color: 'var(--jp-ui-inverse-font-color1, #fff)',
    background: 'var(--jp-brand-color1, #1976d2)'
  },
  '.cm-completionDetail': { fontStyle: 'normal', opacity: '0.75' }
});

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword], color: 'var(--jp-mirror-editor-keyword-color, #008000)', fontWeight: '600' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--jp-mirror-editor-string-color, #ba2121)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--jp-mirror-editor-number-color, #080)' },
  { tag: [tags.comment], color: 'var(--jp-mirror-editor-comment-color, #408080)', fontStyle: 'italic' },
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--jp-mirror-editor-property-color, #05a)' },
  { tag: [tags.function(tags.variableName)], color: 'var(--jp-mirror-editor-def-color, #00f)' },
  { tag: [tags.operator], color: 'var(--jp-mirror-editor-operator-color, #a2f)' }
]);

export const jupyterTheme = [frame, syntaxHighlighting(colours)];

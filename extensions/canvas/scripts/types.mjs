// Writes src/protocol.ts from the Python contract; with --check, only says whether it is stale.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compile } from 'json-schema-to-typescript';

const TARGET = fileURLToPath(new URL('../src/protocol.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const python = process.env.PYTHON ?? 'python';
const schema = execFileSync(python, ['-m', 'lyftnb.workspace.studio.schema'], {
  cwd: ROOT,
  encoding: 'utf8',
  maxBuffer: 2 ** 26
});
const { release, ...protocol } = JSON.parse(schema);
const types = await compile(protocol, 'Protocol', {
  additionalProperties: false,
  bannerComment: '// Made by `npm run types` from lyftnb/workspace/studio/protocol. Do not edit.',
  style: { singleQuote: true, printWidth: 100 }
});
const text = `${types}
/** What this page was built with. */
export const RELEASE: Release = { version: '${release.version}', protocol: '${release.protocol}' };
`;
if (!process.argv.includes('--check')) {
  writeFileSync(TARGET, text);
} else if (readFileSync(TARGET, 'utf8') !== text) {
  console.error('src/protocol.ts is stale: run `npm run types`');
  process.exit(1);
}

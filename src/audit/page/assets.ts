/** The page's style and script. The bundle holds both as constants: see `build.ts`. */
import { readFileSync } from 'node:fs';

const read = (folder: string, names: readonly string[]): string =>
  names
    .map((name) => readFileSync(new URL(`./${folder}/${name}`, import.meta.url), 'utf8').replaceAll('\r\n', '\n'))
    .join('\n');

export const STYLE = read('style', [
  'base.css',
  'overview.css',
  'findings.css',
  'tables.css',
  'sources.css',
  'print.css',
]);

/** The scripts have no imports, and share one function scope. */
export const SCRIPT = `(() => {\n${read('browser', ['document.js', 'filter.js', 'findings.js', 'namespaces.js', 'map.js', 'start.js'])}})();\n`;

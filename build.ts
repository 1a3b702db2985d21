/** Bundles the program into one file that runs with nothing but Node: `node build.ts`. */
import { chmod, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { Plugin } from 'esbuild';

const root = dirname(fileURLToPath(import.meta.url));

/**
 * Runs before any bundled module. It uses only syntax that old versions of Node.js know, so that the check runs there too.
 * The bundled CommonJS modules need `require`, `__filename` and `__dirname`, which an ES module does not have.
 */
const banner = `#!/usr/bin/env node
import { createRequire as pullpassCreateRequire } from 'node:module';
import { fileURLToPath as pullpassFileURLToPath } from 'node:url';
{
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 22 || (major === 22 && minor < 19)) {
    process.stderr.write('pullpass needs Node.js 22.19 or newer, this is ' + process.versions.node + ': install a newer one or use the container image\\n');
    process.exit(1);
  }
}
const require = pullpassCreateRequire(import.meta.url);
const __filename = pullpassFileURLToPath(import.meta.url);
const __dirname = pullpassFileURLToPath(new URL('.', import.meta.url));
`;

/** The report's page reads its style and script from files, which the bundle does not have: their text becomes constants here. */
const pageAssets: Plugin = {
  name: 'page-assets',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/]audit[\\/]page[\\/]assets\.ts$/ }, async ({ path }) => {
      const assets = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
      return {
        contents: Object.entries(assets)
          .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};\n`)
          .join(''),
      };
    });
  },
};

export async function bundle({ entry, outfile }: { entry: string; outfile: string }): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    plugins: [pageAssets],
    banner: { js: banner },
    sourcemap: 'external',
    // The licences of the bundled packages go to pullpass.js.LEGAL.txt, which must be shipped with the bundle.
    legalComments: 'external',
    logLevel: 'warning',
  });
  await chmod(outfile, 0o755);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await rm(`${root}/dist`, { recursive: true, force: true });
  await bundle({ entry: `${root}/src/main.ts`, outfile: `${root}/dist/pullpass.js` });
}

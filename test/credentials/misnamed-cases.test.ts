/** Logins that people put under their own idea of Docker Hub's name: told wherever such a file is read. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { matchFromDockerConfig } from '../../src/commands/match-lookup.ts';
import { renderMatch } from '../../src/commands/match-text.ts';
import { validateConfiguration } from '../../src/commands/validate.ts';
import { parseDockerConfig } from '../../src/credentials/docker-config.ts';

const CASE = path.resolve(import.meta.dirname, '../../../shared/cases/docker-hub-misnamed.json');
const isThere = existsSync(CASE);
if (!isThere)
  process.stderr.write(
    'The case of a misnamed Docker Hub is skipped: ../shared/cases/docker-hub-misnamed.json is not there.\n',
  );
const config = (...keys: string[]): string =>
  JSON.stringify({ auths: Object.fromEntries(keys.map((key) => [key, { auth: 'dTpw' }])) });
const warnings = (text: string): string[] => {
  const parsed = parseDockerConfig(text);
  return parsed.ok ? parsed.warnings : ['not read'];
};
const SAYS = 'kubelets never use this key for Docker Hub; write https://index.docker.io/v1/';

test.skipIf(!isThere)('the case as people met it is told with the right key by all that read it', () => {
  const text = readFileSync(CASE, 'utf8');
  expect(warnings(text)).toEqual([`registry "docker.com": ${SAYS}`]);
  expect(validateConfiguration(text, 'c.json')).toMatchObject({
    exitCode: 1,
    text: expect.stringContaining(SAYS) as string,
  });
});

test('validate says it once, of that entry, and takes the file for bad', () => {
  expect(validateConfiguration(config('docker.com', 'quay.io'), 'c.json')).toEqual({
    exitCode: 1,
    text: `c.json: 1 of 2 entries has no login that kubelets would use\n  "docker.com": ${SAYS}\n  "quay.io": usable`,
  });
});

test('a key for images that name its host is a warning, and none where there is a right one', () => {
  const says = 'kubelets use this key only for images that name its host';
  expect(warnings(config('registry-1.docker.io'))).toEqual([expect.stringContaining(says) as string]);
  expect(warnings(config('registry-1.docker.io', 'docker.io'))).toEqual([]);
  expect(warnings(config('registry-1.docker.io', 'docker.io:443'))).toHaveLength(2);
  const { exitCode, text } = validateConfiguration(config('registry-1.docker.io'), 'c.json');
  expect(exitCode).toBe(0);
  expect(text).toContain(`\nwarning: registry "registry-1.docker.io": ${says}`);
});

test('match says it of an entry, with the right key', () => {
  const result = matchFromDockerConfig('nginx', config('docker.com', 'hub.docker.com/r/corp'), 'c.json');
  expect(result.matches).toEqual([]);
  expect(result.notes).toContain(`c.json: registry "docker.com": ${SAYS}`);
  const shown = renderMatch(result, 'table', false);
  expect(shown).toMatch(
    /docker\.com +kubelets do not use this name for images on Docker Hub; write https:\/\/index\.docker\.io\/v1\/ or docker\.io\n/,
  );
  expect(shown).toMatch(/hub\.docker\.com\/r\/corp +kubelets do not use this name .*; write docker\.io\/corp\n/);
});

test('match says it of an image', () => {
  const { notes } = matchFromDockerConfig('hub.docker.com/library/nginx:1', config('docker.io'), 'c.json');
  expect(notes).toEqual(['hub.docker.com is no registry; on Docker Hub the image is docker.io/library/nginx']);
});

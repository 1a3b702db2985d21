/** The shell scripts in the eyes of shellcheck. */
import path from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../release/names.ts';
import { run, tellMissing } from '../monitoring/tools.ts';
import { findOnPath } from '../sandbox/registry/on-path.ts';

const shellcheck = findOnPath('shellcheck', 'on Debian, apt-get install shellcheck');
tellMissing('the shell scripts in the eyes of shellcheck', shellcheck);

const SCRIPTS = ['test/e2e/node/node.sh', '.ci/run', '.ci/tools', 'manifests/components/cache-proxy/base/helper'];
test.skipIf('missing' in shellcheck).each(SCRIPTS)('%s', (script) => {
  expect(run(shellcheck, ['--severity=warning', path.join(ROOT, script)])).toEqual({ status: 0, output: '' });
});

/** The programs that AWS maintains, asked as the provider asks them, against an ECR in memory. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { providerSchema } from '../../src/config/provider.ts';
import { tokenExpiry } from '../../src/credentials/token-expiry.ts';
import { createAsk } from '../../src/provider/ask.ts';
import type { Answer } from '../../src/provider/answer.ts';
import { ECR_REGISTRY, startEcr } from '../sandbox/registry/ecr.ts';
import type { Ecr } from '../sandbox/registry/ecr.ts';
import { ecrHelper, ecrPlugin, makeFolder } from './programs.ts';

const TOKEN_MS = 12 * 3_600_000;
const folder = makeFolder();
let ecr: Ecr;
beforeAll(async () => {
  ecr = await startEcr({ tokenMs: TOKEN_MS });
});
afterAll(async () => {
  folder.remove();
  await ecr.stop();
});

/** `variables`: of the pod. */
function ask(program: object, variables: Readonly<Record<string, string>>): Promise<Answer> {
  const { ask: config } = providerSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Provider',
    secret: { namespace: 'pullpass-system', name: 'ecr' },
    ask: {
      ...program,
      // The endpoint of EC2, where the SDK looks last for an identity, is not asked in tests.
      env: [...Object.keys(ecr.env).map((name) => ({ name })), { name: 'AWS_EC2_METADATA_DISABLED', value: 'true' }],
    },
  });
  const variable = (name: string): string | undefined => variables[name];
  return createAsk(config, { folder: folder.path, variable, timeoutMs: 30_000 })(new AbortController().signal);
}

const cases = [
  ['ecr-credential-provider', ecrPlugin, { plugin: 'ecr-credential-provider', image: `${ECR_REGISTRY}/any:1.0` }],
  [
    'docker-credential-ecr-login',
    ecrHelper,
    { helper: 'docker-credential-ecr-login', registries: [ECR_REGISTRY], refreshEvery: '4h' },
  ],
] as const;

describe.each(cases)('%s', (name, found, program) => {
  if ('missing' in found) {
    test.skip(found.missing, () => undefined);
    return;
  }
  beforeAll(() => folder.link(found));

  test('gives a login that the registry takes, and that says when it ends', async () => {
    const before = Math.floor(Date.now() / 1000) * 1000;
    const { logins, cacheMs } = await ask(program, ecr.env);
    expect(logins).toEqual([{ key: ECR_REGISTRY, username: 'AWS', password: ecr.issued.at(-1) }]);
    const endsAt = tokenExpiry(logins[0]?.password ?? '')?.getTime() ?? 0;
    expect(endsAt).toBeGreaterThanOrEqual(before + TOKEN_MS);
    // Half of it, in whole seconds; helpers say nothing.
    if (name === 'ecr-credential-provider') expect(cacheMs).toBeCloseTo(TOKEN_MS / 2, -4);
    else expect(cacheMs).toBeUndefined();
  });

  test('says in our words why there is none', async () => {
    ecr.fail(400, 'AccessDeniedException');
    // The helper writes the cause into a log file, and nothing to stderr.
    const cause = (text: string): RegExp =>
      name === 'ecr-credential-provider' ? RegExp(`status 1.*${text}`) : /status 1$/;
    await expect(ask(program, ecr.env)).rejects.toThrow(cause('access denied'));
    ecr.fail();
    await expect(ask(program, { AWS_ENDPOINT_URL_ECR: ecr.env['AWS_ENDPOINT_URL_ECR'] ?? '' })).rejects.toThrow(
      cause('no identity of the cloud found'),
    );
  });
});

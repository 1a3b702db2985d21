/** The words of failed pulls, as kubelets, containerd and CRI-O write them. */
import { expect, test } from 'vitest';
import { classifyPullError } from '../../src/plan/pull-error.ts';

test.each([
  [
    'login',
    'failed to authorize: failed to fetch oauth token: unexpected status from GET request to ' +
      'https://auth.docker.io/token?service=registry.docker.io: 401 Unauthorized',
  ],
  [
    'login',
    'pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
  ],
  ['login', 'unexpected status from HEAD request to https://ghcr.io/v2/x/manifests/1: 403 Forbidden'],
  ['login', 'reading manifest 1 in registry.corp/x: unauthorized: authentication required'],
  ['not found', 'failed to resolve reference "docker.io/corp/app:1": docker.io/corp/app:1: not found'],
  ['not found', 'reading manifest 1 in registry.corp/x: manifest unknown'],
  [
    'rate limit',
    'unexpected status from HEAD request: 429 Too Many Requests: toomanyrequests: You have reached your unauthenticated pull rate limit.',
  ],
  [
    'network',
    'failed to do request: Head "https://registry.corp/v2/x": dial tcp: lookup registry.corp on 10.0.0.10:53: no such host',
  ],
  ['network', 'tls: failed to verify certificate: x509: certificate signed by unknown authority'],
  ['other', 'Back-off pulling image "registry.corp/not-found/unauthorized:403"'],
  ['other', ''],
] as const)('%s: %s', (kind, message) => {
  expect(classifyPullError('ErrImagePull', message)).toBe(kind);
});

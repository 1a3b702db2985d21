import { expect, test } from 'vitest';
import { upstreamHost } from '../../src/credentials/upstream.ts';

test.each([
  ['docker.io', 'registry-1.docker.io'],
  ['quay.io', 'quay.io'],
  ['quay.io:5000/team/app', 'quay.io:5000'],
])('the API of %s is at %s', (registry, host) => {
  expect(upstreamHost(registry)).toBe(host);
});

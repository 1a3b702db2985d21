/** What was in force before a restart is found in the copies, and only what they really hold. */
import { expect, test } from 'vitest';
import { findContent } from '../../src/sources/find-content.ts';
import type { Call } from '../kube/scripted-client.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import { configuration, sourceConfig } from '../plan/observations.ts';
import { base64, digest, dockerConfig, putCopy, rawSecret, worldFor } from './worlds.ts';

const ONE = dockerConfig('one');
const WANTED = digest(base64(ONE));

/** `copies`: what each namespace held when it was watched. `answers`: what the server says now, if not that. */
function find(
  copies: Record<string, string>,
  answers: Record<string, object | number> = {},
  { signal, source = sourceConfig() }: { signal?: AbortSignal; source?: ReturnType<typeof sourceConfig> } = {},
) {
  const world = worldFor(configuration([sourceConfig()]));
  for (const [namespace, content] of Object.entries(copies))
    putCopy(world, rawSecret({ namespace, content, source: 'upstream' }));
  const { client, calls } = scriptedClient(({ path }: Call) => {
    const namespace = path.split('/')[4] ?? '';
    const answer = answers[namespace] ?? rawSecret({ namespace, content: copies[namespace] ?? '' });
    if (typeof answer === 'number') throw refusal(answer);
    return answer;
  });
  return { found: findContent({ client, world, signal }, source, WANTED), calls };
}

test('a copy that holds it is read, and no other', async () => {
  const { found, calls } = find({ 'team-a': dockerConfig('two'), 'team-b': ONE, 'team-c': ONE });
  expect(await found).toBe(base64(ONE));
  expect(calls.map(({ path, sensitive }) => [path, sensitive])).toEqual([
    ['/api/v1/namespaces/team-b/secrets/regcred', true],
  ]);
});

test('nothing is found where no copy holds it, or the source has no copies', async () => {
  expect(await find({}).found).toBeUndefined();
  expect(await find({ 'team-a': dockerConfig('two') }).found).toBeUndefined();
  expect(await find({ 'team-a': ONE }, {}, { source: sourceConfig({ copyName: 'other' }) }).found).toBeUndefined();
});

test.each<[string, object | number]>([
  ['is gone', 404],
  ['may not be read', 403],
  ['has another content now', rawSecret({ content: dockerConfig('two') })],
  ['is empty now', rawSecret({})],
  ['has no data now', { metadata: {} }],
])('a copy that %s is passed over for the next', async (_, answer) => {
  expect(await find({ 'team-a': ONE, 'team-b': ONE }, { 'team-a': answer }).found).toBe(base64(ONE));
});

test('a copy that is gone, or holds something else, is no reason to fail; one that may not be read is', async () => {
  expect(await find({ 'team-a': ONE }, { 'team-a': 404 }).found).toBeUndefined();
  expect(await find({ 'team-a': ONE }, { 'team-a': rawSecret({ content: 'other' }) }).found).toBeUndefined();
  await expect(find({ 'team-a': ONE, 'team-b': ONE }, { 'team-a': 403, 'team-b': 404 }).found).rejects.toThrow('403');
});

test('a server that fails ends the search at once', async () => {
  const { found, calls } = find({ 'team-a': ONE, 'team-b': ONE }, { 'team-a': 500 });
  await expect(found).rejects.toThrow('500');
  expect(calls).toHaveLength(1);
});

test('an end of the process cuts the search', async () => {
  await expect(find({ 'team-a': ONE }, {}, { signal: AbortSignal.abort() }).found).rejects.toThrow('stopped');
});

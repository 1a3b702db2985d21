/** A tiny image that is pushed and taken away again; and registries that lead the login astray. */
import { expect, test } from 'vitest';
import { askManifest } from '../../src/registry/probe.ts';
import { deleteImage, pushImage } from '../../src/registry/push.ts';
import { openRepository } from '../../src/registry/repository.ts';
import type { Repository } from '../../src/registry/repository.ts';
import { client, right, scripted, upstream, wrong } from './checking.ts';
import { leaks } from './leaks.ts';
import type { Say } from './scripted-server.ts';

const open = (base: string, login = right, push = true): Repository => {
  const opened = openRepository({ base, repository: 'corp/app', http: client(), login, push });
  if ('why' in opened) throw new Error(opened.why);
  return opened;
};

test.each(['bearer', 'basic'] as const)('is there by its tag and its digest, then gone (%s)', async (auth) => {
  const server = await upstream({ auth });
  server.add(right.username, { password: right.password, repositories: ['corp/*'], mayDelete: true });
  const repository = open(server.url);
  const pushed = await pushImage(repository, 'fresh', 'some text');
  if (pushed.state !== 'pushed') throw new Error(pushed.why);
  const reader = open(server.url, right, false);
  expect(await askManifest(reader, 'fresh')).toMatchObject({ state: 'served', digest: pushed.digest });
  expect(await askManifest(reader, pushed.digest)).toMatchObject({ state: 'served' });
  await deleteImage(repository, pushed.digest);
  expect(await askManifest(reader, 'fresh')).toMatchObject({ state: 'missing' });
});

test('another text is another image', async () => {
  const repository = open((await upstream()).url);
  const [one, two] = [await pushImage(repository, 'a', 'one'), await pushImage(repository, 'b', 'two')];
  expect(one).toMatchObject({ state: 'pushed' });
  expect(one.state === 'pushed' && two.state === 'pushed' && one.digest !== two.digest).toBe(true);
});

test('a login that may not push is refused, without a word of it', async () => {
  const server = await upstream();
  const answer = await pushImage(open(server.url, wrong), 'a', 'x');
  expect(answer).toMatchObject({ state: 'refused', status: 401 });
  expect(leaks(answer, wrong)).toEqual([]);
  const elsewhere = await pushImage(open(server.url, { username: 'nobody', password: 'unknown-password' }), 'a', 'x');
  expect(elsewhere).toMatchObject({ state: 'refused' });
  expect(await askManifest(open(server.url, right, false), 'a')).toMatchObject({ state: 'missing' });
});

test('a place for the upload on another host is not followed: nothing is sent there', async () => {
  const elsewhere = await scripted(() => ({ status: 201 }));
  const server = await scripted(({ method }) => ({
    status: method === 'POST' ? 202 : 201,
    headers: { location: `${elsewhere.url}/upload?token=of-the-server` },
  }));
  const answer = await pushImage(open(server.url), 'a', 'x');
  expect(answer).toMatchObject({ state: 'unknown', why: expect.stringContaining('names another host') as string });
  expect(elsewhere.seen).toEqual([]);
  expect(JSON.stringify(answer)).not.toContain('of-the-server');
});

test('the query that the server gives to a place is kept, beside the digest', async () => {
  const server = await scripted(({ method }) => ({
    status: method === 'POST' ? 202 : 201,
    headers: { location: '/v2/corp/app/blobs/uploads/id?_state=abc' },
  }));
  expect(await pushImage(open(server.url), 'a', 'x')).toMatchObject({ state: 'pushed' });
  const put = server.seen.find(({ url }) => url.includes('/blobs/uploads/id'));
  expect(put?.url).toMatch(/\?_state=abc&digest=sha256%3A[0-9a-f]{64}$/);
});

test.each<[string, Say, string]>([
  ['no place', { status: 202 }, 'unknown'],
  ['a place that is none', { status: 202, headers: { location: 'http://[' } }, 'unknown'],
  ['another success', { status: 200 }, 'unknown'],
  ['read only', { status: 405 }, 'unknown'],
  ['no right', { status: 403, body: '{"errors":[{"code":"DENIED","message":"pass-word-of-ann"}]}' }, 'refused'],
  ['an outage', { status: 500, headers: { 'content-type': 'text/html' }, body: '<html>pass-word-of-ann' }, 'unknown'],
])('%s ends it', async (_, say, state) => {
  const server = await scripted(() => say);
  const answer = await pushImage(open(server.url), 'a', 'x');
  expect(answer).toMatchObject({ state });
  expect(leaks(answer, right)).toEqual([]);
  expect('why' in answer && answer.why).not.toMatch(/[\n\r]/);
});

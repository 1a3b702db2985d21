/** Of a source an audit knows what is in force, what only the canaries have, and what the Secret holds; they differ while it is held back. */
import { describe, expect, test } from 'vitest';
import { auditSources, withoutFresh } from '../../../src/audit/observe/audited-sources.ts';
import type { AuditedSource, PullContent } from '../../../src/audit/observe/observation.ts';
import { createContentReader } from '../../../src/audit/observe/secret-facts.ts';
import { configurationSchema } from '../../../src/config/schema.ts';
import { snapshotOf } from '../../../src/sources/snapshot.ts';
import { refusal, scriptedClient } from '../../kube/scripted-client.ts';
import { createMemory } from '../../sources/memory.ts';
import { recordOf } from '../../sources/records.ts';
import { base64, digest, dockerConfig, putCopy, putSource, rawSecret, worldFor } from '../../sources/worlds.ts';

const configuration = configurationSchema.parse({
  apiVersion: 'pullpass.dev/v1alpha1',
  kind: 'Configuration',
  sources: [
    {
      name: 'hub',
      secret: { namespace: 'pullpass-system', name: 'hub' },
      copyName: 'c',
      canary: { namespaces: 1 },
    },
  ],
});

interface Given {
  /** The content that passed, and the one that the canary has; `copies`: both are in copies. */
  readonly passed?: string;
  readonly trying?: string;
  /** What the Secret holds; undefined: it is not there. */
  readonly holds?: string | undefined;
  readonly copies?: boolean;
  readonly remembered?: boolean;
}

const state = createMemory();

async function sourceOf({ passed, trying, holds, copies = true, remembered = true }: Given): Promise<AuditedSource> {
  const world = worldFor(configuration);
  const secret = (content: string, namespace: string, name: string) =>
    rawSecret({ namespace, name, uid: namespace, content, ...(name === 'c' && { source: 'hub' }) });
  if (holds !== undefined) putSource(world, secret(holds, 'pullpass-system', 'hub'));
  const held = Object.entries({ a: trying, b: passed }).flatMap(([namespace, content]) =>
    content === undefined || !copies ? [] : [secret(content, namespace, 'c')],
  );
  for (const copy of held) putCopy(world, copy);
  const memory = createMemory({ mac: state.mac });
  if (passed !== undefined)
    memory.sources.set(
      'hub',
      recordOf(memory, trying ?? passed, {
        passed: [digest(base64(passed))],
        ...(trying !== undefined && {
          trying: {
            digest: digest(base64(trying)),
            state: 'halted',
            namespaces: ['a'],
            proxies: [],
            before: [],
            why: ['a/web: 401'],
          },
        }),
      }),
    );
  const { client } = scriptedClient(({ path }) => {
    const copy = held.find(({ metadata }) => path === `/api/v1/namespaces/${metadata.namespace}/secrets/c`);
    if (copy === undefined) throw refusal(404);
    return copy;
  });
  const snapshot = await snapshotOf({ client, world, configuration, state: memory, remembered });
  const [source] = auditSources({ ...snapshot, refused: new Map() }, createContentReader(digest));
  return source ?? expect.fail('no source');
}
const keysOf = (content: PullContent | undefined): readonly string[] | undefined =>
  content?.entries.map(({ key }) => key);

test('while the canaries are watched, the content before is in force for all others', async () => {
  const [passed, trying] = [dockerConfig('one'), dockerConfig('two')];
  const source = await sourceOf({ passed, trying, holds: trying });
  const loginOf = (content: PullContent | undefined): string | undefined => content?.entries[0]?.login;
  const before = loginOf((await sourceOf({ passed, holds: passed })).content);
  const after = loginOf((await sourceOf({ passed: trying, holds: trying })).content);
  expect(before).not.toBe(after);
  expect([source.content, source.next, source.written].map(loginOf)).toEqual([before, after, after]);
  expect([passed, trying].map((text) => loginOf(source.contents.get(digest(base64(text)))))).toEqual([before, after]);
});

test('an entry that vanished, or cannot be used, stays in force, and is not what the Secret holds', async () => {
  const vanished = await sourceOf({ passed: dockerConfig('one', 'old.test'), holds: dockerConfig('two', 'new.test') });
  expect(keysOf(vanished.written)).toEqual(['new.test']);
  expect(keysOf(vanished.content)).toContain('old.test');
  const useless = JSON.stringify({ auths: { 'old.test': { identitytoken: 'x' } } });
  const held = await sourceOf({ passed: dockerConfig('one', 'old.test'), holds: useless });
  expect(held.content?.entries.map(({ unusable }) => unusable)).toEqual([undefined]);
  expect(held.written?.entries.map(({ unusable }) => unusable)).toEqual(['identity token']);
  // PP082 says it already.
  expect(held.written?.warnings).toEqual([]);
});

test.each([
  ['missing', undefined],
  ['invalid', '{'],
] as const)('what is in force stays while the Secret is %s, which then holds nothing', async (standing, holds) => {
  const source = await sourceOf({ passed: dockerConfig('one', 'old.test'), holds });
  expect([source.state, keysOf(source.content), source.written]).toEqual([standing, ['old.test'], undefined]);
});

describe('a source that the controller does not remember', () => {
  const holds = dockerConfig('one');

  test('is fresh: its copies wait, and are not missing', async () => {
    const source = await sourceOf({ holds });
    expect(source.fresh).toBe(true);
    const scope = { sources: [{ ...source.observed, digest: 'd' }] } as unknown as Parameters<
      typeof withoutFresh
    >[0][0];
    expect(withoutFresh([scope], [source])[0]?.sources).toMatchObject([{ digest: undefined, problems: [] }]);
    expect(withoutFresh([scope], [{ ...source, fresh: undefined } as never])[0]).toBe(scope);
  });

  test('is not if the controller remembers nothing at all, if it knows it, or if there is a copy of it', async () => {
    expect((await sourceOf({ holds, remembered: false })).fresh).toBeUndefined();
    expect((await sourceOf({ holds, passed: holds })).fresh).toBeUndefined();
    expect((await sourceOf({ holds, trying: holds })).fresh).toBeUndefined();
    expect((await sourceOf({ holds: '{' })).fresh).toBeUndefined();
  });
});

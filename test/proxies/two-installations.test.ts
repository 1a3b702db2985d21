/** Two installations that would point one custom object at copies of their own. */
import jsonpatch from 'fast-json-patch';
import { expect, test } from 'vitest';
import { messageOf } from '../../src/errors.ts';
import type { ApiObject } from '../../src/kube/list.ts';
import { customResource } from '../../src/proxies/custom-resource.ts';
import { base64 } from '../sources/worlds.ts';
import { shared } from './patch-fixture.ts';

const KEY = 'pullpass.dev/copies';
const login = { registry: shared.registry, username: 'robot', password: 'pw' };
const mac = (text: string): string => `mac of ${text}`;
const content = (): string => base64(JSON.stringify({ auths: { [shared.registry]: { auth: base64('robot:pw') } } }));

function installation(instance: string, copyName: string, form: 'name' | 'list', trigger = false) {
  const adapter = customResource(
    {
      ...shared,
      kind: 'custom-resource',
      object: { apiVersion: 'example.com/v1', resource: 'pullers', name: 'puller', namespace: 'caches' },
      path: '/spec/pullSecrets',
      form,
      ...(trigger && { trigger: { annotation: 'example.com/refresh' } }),
    },
    { copyName, instance },
  );
  const apply = async (object: ApiObject): Promise<ApiObject[]> => {
    const patches: ApiObject[] = [];
    await adapter.apply(login, {
      copyName,
      mac: (text) => mac(`${instance} ${text}`),
      http: undefined as never,
      signal: new AbortController().signal,
      kube: {
        applySecret: () => Promise.reject(new Error('not asked for')),
        readSecret: () => Promise.reject(new Error('not asked for')),
        get: <T>(path: string) =>
          Promise.resolve(
            (path.includes('/secrets/')
              ? {
                  metadata: { name: copyName },
                  type: 'kubernetes.io/dockerconfigjson',
                  data: { '.dockerconfigjson': content() },
                }
              : object) as T,
          ),
        patch: (_, __, body) => {
          patches.push(body as never);
          const { applyPatch } = jsonpatch;
          applyPatch(object, body as never);
          return Promise.resolve();
        },
      },
    });
    return patches;
  };
  return { apply };
}

const object = (): ApiObject =>
  ({ metadata: { name: 'puller', uid: 'u', resourceVersion: '1' }, spec: {} }) as ApiObject;

test('a field for one name stays with the first; the second says whose it is', async () => {
  const puller = object();
  await installation('pullpass-system', 'a', 'name').apply(puller);
  expect(puller.metadata.annotations?.[KEY]).toBe('{"/spec/pullSecrets":["a"]}');
  const why = await installation('tools', 'b', 'name').apply(puller).catch(messageOf);
  expect(why).toContain(
    'names the copy "a" of another installation of Pullpass (controller namespace "pullpass-system")',
  );
  expect(puller).toMatchObject({ spec: { pullSecrets: 'a' } });
});

test('and the other way round', async () => {
  const puller = object();
  await installation('tools', 'b', 'name').apply(puller);
  expect(puller.metadata.annotations?.[KEY]).toBe('{"/spec/pullSecrets":["b@tools"]}');
  const why = await installation('pullpass-system', 'a', 'name').apply(puller).catch(messageOf);
  expect(why).toContain('(controller namespace "tools")');
  // Somebody took the other one's name out: the place is free.
  Object.assign(puller, { spec: {} });
  await installation('pullpass-system', 'a', 'name').apply(puller);
  expect(puller.metadata.annotations?.[KEY]).toBe('{"/spec/pullSecrets":["a"]}');
});

test('in a list both have their place, each triggers the product once, and then nothing is written', async () => {
  const puller = object();
  const both = [installation('pullpass-system', 'a', 'list', true), installation('tools', 'b', 'list', true)];
  for (const each of both) await each.apply(puller);
  expect(puller).toMatchObject({ spec: { pullSecrets: [{ name: 'a' }, { name: 'b' }] } });
  for (const each of both) expect(await each.apply(puller)).toEqual([]);
});

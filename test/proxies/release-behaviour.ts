/** What holds for every patch adapter when the copy goes that its object names. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ApiError } from '../../src/kube/api-error.ts';
import { ForeignReferenceError } from '../../src/proxies/consumer.ts';
import type { Consumer } from '../../src/proxies/adapter.ts';
import { type Bench, login, openBench, type PlayedProduct } from './patch-fixture.ts';
import { COPY, type World } from './patch-worlds.ts';

const RECORD = 'pullpass.dev/copies';

export function describeRelease(
  open: () => Promise<World>,
  kind: 'memory' | 'kube-apiserver',
  product: PlayedProduct,
): void {
  describe('a patch adapter whose copy goes', () => {
    let bench: Bench;
    let consumer: Consumer;
    beforeEach(async () => {
      bench = await openBench(await open(), product);
      if (bench.proxy.consumer === undefined) throw new Error('it names no copy');
      consumer = bench.proxy.consumer;
    });
    afterEach(async () => bench.close());
    const release = (name = COPY): Promise<boolean> => consumer.release(name, 'going', bench.context);
    const named = () => consumer.named([COPY], bench.context.kube);
    const spec = async () => (await bench.object<{ spec: object }>()).spec;
    const record = async () =>
      (await bench.object<{ metadata: { annotations?: Record<string, string> } }>()).metadata.annotations?.[RECORD];

    async function reset(before: object, written: object, note: string | null): Promise<void> {
      const gone = Object.fromEntries(Object.keys(written).map((key) => [key, null]));
      await bench.edit({ metadata: { annotations: { [RECORD]: note } }, spec: { ...gone, ...before } });
    }
    /** As if it came from Git: the same, without a record of ours; nor does the server know of us. */
    async function writtenByOthers(before: object, written: object, note: string | null): Promise<void> {
      await reset(before, written, note);
      await bench.edit({ spec: written });
    }

    test('takes the name back, with the record of it, and leaves the rest as it was', async () => {
      const before = await spec();
      await bench.apply('pw-1');
      expect(await named()).toMatchObject([{ copyName: COPY, ours: true }]);
      expect(await record()).toContain(COPY);
      await release();
      expect(await named()).toEqual([]);
      expect(await record()).toBeUndefined();
      expect(withoutEmpty(await spec())).toEqual(withoutEmpty(before));
    });

    test('writes once, and not again', async () => {
      await bench.apply('pw-1');
      bench.writes.length = 0;
      await release();
      await release();
      expect(bench.writes).toHaveLength(1);
    });

    test('is pointed again when the copy is wanted again', async () => {
      await bench.apply('pw-1');
      await release();
      await bench.apply('pw-1');
      expect(await named()).toMatchObject([{ ours: true }]);
      await release();
      expect(await named()).toEqual([]);
    });

    test('leaves alone what somebody else wrote, and says who is to take it out', async () => {
      const before = await spec();
      await bench.apply('pw-1');
      await writtenByOthers(before, await spec(), null);
      bench.writes.length = 0;
      expect(await named()).toMatchObject([{ ours: false }]);
      const error: unknown = await release().catch((e: unknown) => e);
      expect(error).toBeInstanceOf(ForeignReferenceError);
      expect((error as Error).message).toMatch(
        /^\w+ "[\w/.-]+" names it at \/spec\/\S.*, and Pullpass did not write that: take it out there, or in Git where the object comes from it$/,
      );
      expect(bench.writes).toEqual([]);
    });

    test("takes what another controller puts back for that one's", async () => {
      await bench.apply('pw-1');
      const written = await spec();
      bench.writes.length = 0;
      bench.afterwards(() => bench.edit({ spec: written }));
      await expect(release()).rejects.toThrow(ForeignReferenceError);
      expect(bench.writes).toHaveLength(1);
    });

    test('gives up where the object is put back with the record in it', async () => {
      await bench.apply('pw-1');
      const written = await bench.object<{ metadata: { annotations: object }; spec: object }>();
      bench.writes.length = 0;
      bench.afterwards(() =>
        bench.edit({ metadata: { annotations: written.metadata.annotations }, spec: written.spec }),
      );
      await expect(release()).rejects.toThrow('another controller takes it back');
      expect(bench.writes).toHaveLength(1);
    });

    test('looks again when somebody else was quicker', async () => {
      await bench.apply('pw-1');
      bench.interrupt(() => bench.edit({ metadata: { annotations: { 'example.com/owner': 'team' } } }));
      await release();
      expect(await named()).toEqual([]);
      expect((await bench.object<{ metadata: { annotations: object } }>()).metadata.annotations).toMatchObject({
        'example.com/owner': 'team',
      });
    });

    test('has nothing to take back where the object or its kind is gone', async () => {
      const kube = { ...bench.context.kube, get: () => Promise.resolve(undefined) };
      expect(await consumer.release(COPY, 'going', { ...bench.context, kube })).toBe(false);
      expect(await consumer.named([COPY], kube)).toEqual([]);
      await bench.apply('pw-1');
      const vanishing = { ...bench.context.kube, patch: () => Promise.reject(new ApiError('PATCH', 404, {})) };
      await expect(consumer.release(COPY, 'going', { ...bench.context, kube: vanishing })).rejects.toMatchObject({
        code: 404,
      });
    });

    test('fails as the server says where it may not write', async () => {
      await bench.apply('pw-1');
      const kube = {
        ...bench.context.kube,
        patch: () => Promise.reject(new ApiError('PATCH', 403, { message: 'denied' })),
      };
      await expect(consumer.release(COPY, 'going', { ...bench.context, kube })).rejects.toMatchObject({ code: 403 });
      expect(await named()).toHaveLength(1);
    });

    test('has nothing to do for a name that it never had', async () => {
      await bench.apply('pw-1');
      bench.writes.length = 0;
      await release('another-copy');
      expect(bench.writes).toEqual([]);
      expect(await named()).toHaveLength(1);
    });

    test.runIf(kind === 'kube-apiserver')(
      'knows what the first version wrote, which kept no record, and records it',
      async () => {
        const before = await spec();
        await bench.apply('pw-1');
        const written = await spec();
        const asFirstVersion = async (): Promise<void> => {
          await reset(before, written, null);
          await bench.adapter.client?.patch(
            bench.path,
            'application/merge-patch+json',
            { spec: written },
            { query: { fieldManager: 'pullpass' } },
          );
        };
        await asFirstVersion();
        const [target] = bench.proxy.targets;
        expect(target?.fingerprint(await bench.object(), bench.context.mac)).toMatch(/^astray/);
        await bench.proxy.apply(login('pw-1'), bench.context);
        expect(await record()).toContain(COPY);
        expect(target?.fingerprint(await bench.object(), bench.context.mac)).toMatch(/^points/);
        await asFirstVersion();
        await release();
        expect(await named()).toEqual([]);
      },
    );

    test('a record that means nothing is none', async () => {
      const before = await spec();
      await bench.apply('pw-1');
      const written = await spec();
      for (const bad of ['', '[]', '{"/spec":"x"}', '{"/spec":[1]}', 'null', '{'.repeat(1000)]) {
        await writtenByOthers(before, written, bad);
        expect(await named()).toMatchObject([{ ours: false }]);
      }
    });
  });
}

/** What was absent may be an empty list or text afterwards, which means the same. */
function withoutEmpty(spec: object): unknown {
  return JSON.parse(
    JSON.stringify(spec, (_, value: unknown) =>
      (Array.isArray(value) || typeof value === 'string') && value.length === 0 ? undefined : value,
    ),
  );
}

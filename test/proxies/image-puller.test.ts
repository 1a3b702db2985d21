import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { imagePuller } from '../../src/proxies/image-puller.ts';
import { describeCacheProxy } from '../conformance/cache-proxy.ts';
import { describePatchAdapter } from './patch-behaviour.ts';
import { type Bench, login, made, openBench, patchFixture, type PlayedProduct, shared } from './patch-fixture.ts';
import { COPY, onEachWorld } from './patch-worlds.ts';
import { describeRelease } from './release-behaviour.ts';

interface ImagePuller {
  spec?: { imagePullSecrets?: string; images?: string };
}

const played: PlayedProduct = {
  make: (namespace) => made(imagePuller, { ...shared, kind: 'image-puller', object: { namespace, name: 'puller' } }),
  object: () => ({
    apiVersion: 'che.eclipse.org/v1alpha1',
    kind: 'KubernetesImagePuller',
    metadata: { name: 'puller' },
    spec: { images: 'app=docker.io/corp/app:1.0', daemonsetName: 'puller' },
  }),
  // As cfg/envvars.go of the puller reads it.
  reads: ({ spec }: ImagePuller, namespace) =>
    (spec?.imagePullSecrets ?? '')
      .trim()
      .split(';')
      .map((name) => ({ namespace, name: name.trim() }))
      .filter(({ name }) => name !== ''),
};

onEachWorld(['kubernetesimagepullers.che.eclipse.org'], 'che.eclipse.org/v1alpha1', (open, kind) => {
  describeCacheProxy('image-puller', async () => patchFixture(await open(), played));
  describePatchAdapter(open, kind, played);
  describeRelease(open, kind, played);

  describe('image-puller', () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await openBench(await open(), played);
    });
    afterEach(async () => bench.close());
    const names = async (): Promise<string | undefined> => (await bench.object<ImagePuller>()).spec?.imagePullSecrets;

    test.each([
      ['', COPY],
      ['theirs', `theirs;${COPY}`],
      ['zz;theirs', `zz;theirs;${COPY}`],
      ['zz; theirs ;', `zz; theirs ;${COPY}`],
      ['theirs \n', `theirs;${COPY}`],
      [`${COPY}-2`, `${COPY}-2;${COPY}`],
    ])('adds its name behind what others wrote: %j', async (before, after) => {
      await bench.edit({ spec: { imagePullSecrets: before } });
      await bench.apply('pw-1');
      expect(await names()).toBe(after);
    });

    test.each([COPY, `${COPY};theirs`, `zz ; ${COPY} ;theirs;`])(
      'leaves a string alone that has it: %j',
      async (before) => {
        await bench.edit({ spec: { imagePullSecrets: before } });
        await bench.apply('pw-1');
        expect(bench.writes).toEqual([]);
      },
    );

    test('keeps a name that somebody adds at the same moment', async () => {
      await bench.edit({ spec: { imagePullSecrets: 'theirs' } });
      bench.interrupt(() => bench.edit({ spec: { imagePullSecrets: 'theirs;new' } }));
      await bench.apply('pw-1');
      expect(await names()).toBe(`theirs;new;${COPY}`);
    });

    test.each([
      ['', ''],
      ['theirs', 'theirs'],
      ['zz; theirs ;', 'zz; theirs '],
      [`${COPY}-2`, `${COPY}-2`],
    ])('takes its name out again when the copy goes, and no other: %j', async (before, after) => {
      await bench.edit({ spec: { imagePullSecrets: before } });
      await bench.apply('pw-1');
      await bench.edit({ spec: { imagePullSecrets: `${await names()};new` } });
      await bench.proxy.consumer?.release(COPY, 'going', bench.context);
      expect(await names()).toBe(after === '' ? 'new' : `${after};new`);
    });

    test('writes nothing for a rotation: the puller reads the Secret at each pull', async () => {
      await bench.apply('pw-1');
      await bench.apply('pw-2');
      expect(bench.writes).toHaveLength(1);
      expect(await bench.holds()).toMatchObject({ password: 'pw-2' });
    });

    test('says what is missing where there is no spec', async () => {
      await bench.edit({ spec: null });
      await bench.giveCopy('pw-1');
      await expect(bench.proxy.apply(login('pw-1'), bench.context)).rejects.toThrow(
        /^KubernetesImagePuller "[\w-]+\/puller" has no \/spec: create it first$/,
      );
    });
  });
});

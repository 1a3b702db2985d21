/** Watches. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { WatchEvent } from '../../integration/env/raw-client.ts';
import {
  core,
  created,
  isWithoutWatchList,
  MERGE,
  NO_WATCH_LIST,
  refusal,
  summary,
  take,
  WATCH_LIST,
  type Suite,
} from './api.ts';

export const watches: Suite = (api) => {
  let ns: string;
  const path = (query = ''): string => `${core(ns, 'configmaps')}?watch=1&timeoutSeconds=10${query}`;
  const config = (name: string): string => core(ns, 'configmaps', name);
  const make = (name: string, labels?: Record<string, string>): Promise<unknown> =>
    created(
      api().admin.call('POST', core(ns, 'configmaps'), { body: { metadata: { name, ...(labels ? { labels } : {}) } } }),
    );
  const revision = async (): Promise<string> =>
    (await api().admin.call('GET', core(ns, 'configmaps'))).body.metadata.resourceVersion;
  beforeAll(async () => {
    ns = await api().namespace();
    await make('old');
  });

  test('without a resourceVersion begin with what is there', async () => {
    const events = await take(api().admin, path(), 3, {
      during: async () => {
        await make('new');
        await created(api().admin.call('DELETE', config('new')));
      },
    });
    expect(summary(events)).toEqual(['ADDED old', 'ADDED new', 'DELETED new']);
  });

  test('from a resourceVersion begin after it, and a deletion has a version of its own', async () => {
    const from = await revision();
    const made = await api().admin.call('POST', core(ns, 'configmaps'), { body: { metadata: { name: 'brief' } } });
    await created(api().admin.call('DELETE', config('brief')));
    const events = await take(api().admin, path(`&resourceVersion=${from}`), 2);
    expect(summary(events)).toEqual(['ADDED brief', 'DELETED brief']);
    expect(Number(events[1]?.object.metadata.resourceVersion)).toBeGreaterThan(
      Number(made.body.metadata.resourceVersion),
    );
  });

  test('see objects come into and go out of their selector', async () => {
    await make('moving');
    const from = await revision();
    const label = (value: string | null): Promise<unknown> =>
      created(
        api().admin.call('PATCH', config('moving'), { type: MERGE, body: { metadata: { labels: { in: value } } } }),
      );
    const events = await take(api().admin, path(`&labelSelector=in%3Dyes&resourceVersion=${from}`), 3, {
      during: async () => {
        await label('yes');
        await created(api().admin.call('PATCH', config('moving'), { type: MERGE, body: { data: { a: 'b' } } }));
        await label('no');
        await label(null);
      },
    });
    expect(summary(events)).toEqual(['ADDED moving', 'MODIFIED moving', 'DELETED moving']);
    expect(events[2]?.object.metadata.labels).toEqual({ in: 'yes' });
    expect(Number(events[2]?.object.metadata.resourceVersion)).toBeGreaterThan(
      Number(events[1]?.object.metadata.resourceVersion),
    );
  });

  test('of one name see only that one', async () => {
    const events = await take(api().admin, path('&fieldSelector=metadata.name%3Dnamed'), 2, {
      during: async () => {
        await make('other');
        await make('named');
        await created(api().admin.call('DELETE', config('named')));
      },
    });
    expect(summary(events)).toEqual(['ADDED named', 'DELETED named']);
  });

  test('do not see writes that change nothing', async () => {
    await make('still');
    const events = await take(
      api().admin,
      path(`&fieldSelector=metadata.name%3Dstill&resourceVersion=${await revision()}`),
      1,
      {
        during: async () => {
          await created(
            api().admin.call('PATCH', config('still'), { type: MERGE, body: { metadata: { labels: null } } }),
          );
          await created(api().admin.call('PATCH', config('still'), { type: MERGE, body: { data: { a: 'b' } } }));
        },
      },
    );
    expect(events.map(({ object }) => object.data)).toEqual([{ a: 'b' }]);
  });

  test('end when their time is over', async () => {
    const started = Date.now();
    for await (const _ of api().admin.watch(`${core(ns, 'configmaps')}?watch=1&timeoutSeconds=1`)) {
      /* until the end */
    }
    expect(Date.now() - started).toBeGreaterThan(900);
    expect(Date.now() - started).toBeLessThan(5000);
  });

  describe('as a list (WatchList)', () => {
    /** Without what 1.32 adds to the bookmark, for clients in Go: an empty list, and a time that is null. */
    const bookmark = ({ object }: WatchEvent): object => {
      const { 'kubernetes.io/initial-events-list-blueprint': _, ...annotations } = { ...object.metadata.annotations };
      const { creationTimestamp, ...metadata } = object.metadata as { creationTimestamp?: string | null };
      return {
        ...object,
        metadata: { ...metadata, ...(creationTimestamp && { creationTimestamp }), annotations },
      };
    };
    test('send everything and then a bookmark that says so', async ({ skip }) => {
      await api().needsWatchList(skip);
      const namespace = await api().namespace();
      await created(api().admin.call('POST', core(namespace, 'configmaps'), { body: { metadata: { name: 'a' } } }));
      const events = await take(api().admin, `${core(namespace, 'configmaps')}?watch=1${WATCH_LIST}`, 3, {
        during: () =>
          created(api().admin.call('POST', core(namespace, 'configmaps'), { body: { metadata: { name: 'b' } } })),
      });
      expect(events.map(({ type }) => type)).toEqual(['ADDED', 'BOOKMARK', 'ADDED']);
      expect(events[1] && bookmark(events[1])).toEqual({
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: {
          resourceVersion: expect.stringMatching(/^\d+$/) as string,
          annotations: { 'k8s.io/initial-events-end': 'true' },
        },
      });
    });
    test('of metadata only', async ({ skip }) => {
      await api().needsWatchList(skip);
      const events = await take(api().admin, path(`${WATCH_LIST}&fieldSelector=metadata.name%3Dold`), 2, {
        accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
      });
      expect(events.map(({ type, object }) => [type, object.kind, object.apiVersion])).toEqual([
        ['ADDED', 'PartialObjectMetadata', 'meta.k8s.io/v1'],
        ['BOOKMARK', 'PartialObjectMetadata', 'meta.k8s.io/v1'],
      ]);
      expect(events[1] && bookmark(events[1])).toHaveProperty('metadata.annotations', {
        'k8s.io/initial-events-end': 'true',
      });
    });
    test('with sendInitialEvents=false begin now', async ({ skip }) => {
      await api().needsWatchList(skip);
      const events = await take(api().admin, path('&sendInitialEvents=false&resourceVersionMatch=NotOlderThan'), 1, {
        during: () => make('from-now'),
      });
      expect(summary(events)).toEqual(['ADDED from-now']);
    });
  });

  describe('are refused', () => {
    const refused: [query: string, code: number, message: string][] = [
      [
        '&resourceVersionMatch=NotOlderThan',
        422,
        'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is ' +
          'forbidden for watch unless sendInitialEvents is provided',
      ],
      [
        '&sendInitialEvents=true&allowWatchBookmarks=true',
        422,
        'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      ],
      [
        '&fieldSelector=foo%3Dbar',
        400,
        '"foo" is not a known field selector: only "metadata.name", "metadata.namespace"',
      ],
      [
        '&resourceVersion=abc',
        500,
        'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
      ],
    ];
    test.for(refused)('%s', async ([query, code, message], { skip }) => {
      const answer = await api().admin.call('GET', path(query));
      skip(isWithoutWatchList(answer), NO_WATCH_LIST);
      expect([answer.code, refusal(answer).message]).toEqual([code, message]);
    });
  });

  test('of PartialObjectMetadataList say nothing: a watch wants PartialObjectMetadata', async () => {
    const answer = await api().admin.call('GET', `${core(ns, 'configmaps')}?watch=1&timeoutSeconds=1`, {
      accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
    });
    expect([answer.code, answer.text]).toEqual([200, '']);
  });

  test('below /watch are watches too', async () => {
    const events = await take(api().admin, `/api/v1/watch/namespaces/${ns}/configmaps/old?timeoutSeconds=5`, 1);
    expect(summary(events)).toEqual(['ADDED old']);
  });
};

/** Lists: selectors, pages, states of the past. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Answer } from '../../integration/env/raw-client.ts';
import { core, created, refusal, type Suite } from './api.ts';

export const lists: Suite = (api) => {
  let ns: string;
  beforeAll(async () => {
    ns = await api().namespace();
    const labels = [
      { app: 'web', tier: '1' },
      { app: 'web', tier: '2' },
      { app: 'db' },
      undefined,
      { app: 'web', odd: '' },
    ];
    for (const [index, label] of labels.entries())
      await created(
        api().admin.call('POST', core(ns, 'configmaps'), {
          body: { metadata: { name: `c${index}`, ...(label ? { labels: label } : {}) } },
        }),
      );
    await created(
      api().admin.call('POST', core(ns, 'secrets'), { body: { metadata: { name: 's1' }, type: 'test.dev/one' } }),
    );
    await created(api().admin.call('POST', core(ns, 'secrets'), { body: { metadata: { name: 's2' } } }));
  });
  const list = (query: Record<string, string | number>, resource = 'configmaps'): Promise<Answer> =>
    api().admin.call(
      'GET',
      `${core(ns, resource)}?${new URLSearchParams(Object.entries(query).map(([key, value]): [string, string] => [key, String(value)])).toString()}`,
    );
  const names = ({ body }: Answer): string[] => body.items.map(({ metadata }) => metadata.name);

  test('say their kind once', async () => {
    const { body } = await list({});
    expect([body.kind, body.apiVersion, Object.keys(body.items[0] ?? {})]).toEqual([
      'ConfigMapList',
      'v1',
      ['metadata'],
    ]);
  });

  describe('label selectors', () => {
    const selected: [selector: string, names: string[]][] = [
      ['app=web', ['c0', 'c1', 'c4']],
      ['app==web,tier=1', ['c0']],
      ['app!=web', ['c2', 'c3']],
      ['app in (web, db),tier', ['c0', 'c1']],
      ['app notin (web)', ['c2', 'c3']],
      ['!app', ['c3']],
      ['app', ['c0', 'c1', 'c2', 'c4']],
      ['tier>1', ['c1']],
      ['tier<2', ['c0']],
      ['odd=', ['c4']],
      ['odd', ['c4']],
      ['', ['c0', 'c1', 'c2', 'c3', 'c4']],
    ];
    test.for(selected)('%s', async ([labelSelector, expected]) => {
      expect(names(await list({ labelSelector }))).toEqual(expected);
    });
    const refused: [selector: string, message: string][] = [
      ['a in b', "unable to parse requirement: found 'b' expected: '('"],
      ['a==!', "unable to parse requirement: found '!', expected: identifier"],
      ['a=b c', "found 'c', expected: ',' or 'end of string'"],
      [
        'a>x',
        "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
      ],
      [
        '-a=b',
        'unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of alphanumeric ' +
          "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  " +
          "or 'my.name',  or '123-abc', regex used for validation is " +
          "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      ],
    ];
    test.for(refused)('%s is refused', async ([labelSelector, message]) => {
      expect(refusal(await list({ labelSelector }))).toEqual({ code: 400, reason: 'BadRequest', message });
    });
  });

  describe('field selectors', () => {
    test('know names everywhere, and the type of Secrets', async () => {
      expect(names(await list({ fieldSelector: 'metadata.name=c1' }))).toEqual(['c1']);
      expect(names(await list({ fieldSelector: 'metadata.name!=c1,metadata.name!=c0' }))).toEqual(['c2', 'c3', 'c4']);
      expect(names(await list({ fieldSelector: 'type=test.dev/one' }, 'secrets'))).toEqual(['s1']);
    });
    const refused: [resource: string, selector: string, message: string][] = [
      ['configmaps', 'data.k=v', '"data.k" is not a known field selector: only "metadata.name", "metadata.namespace"'],
      [
        'serviceaccounts',
        'secrets=v',
        '"secrets" is not a known field selector: only "metadata.name", "metadata.namespace"',
      ],
      ['secrets', 'data=v', 'field label not supported: data'],
      ['events', 'foo=v', 'field label not supported: foo'],
      ['configmaps', 'metadata.name', "invalid selector: 'metadata.name'; can't understand 'metadata.name'"],
    ];
    test.for(refused)('%s: %s is refused', async ([resource, fieldSelector, message]) => {
      expect(refusal(await list({ fieldSelector }, resource))).toEqual({ code: 400, reason: 'BadRequest', message });
    });
  });

  describe('pages', () => {
    test('come with a token and a count of what is left', async () => {
      const first = await list({ limit: 2 });
      expect([names(first), first.body.metadata.remainingItemCount]).toEqual([['c0', 'c1'], 3]);
      const second = await list({ limit: 2, continue: first.body.metadata.continue ?? '' });
      expect([names(second), second.body.metadata.remainingItemCount]).toEqual([['c2', 'c3'], 1]);
      const third = await list({ limit: 2, continue: second.body.metadata.continue ?? '' });
      expect([names(third), third.body.metadata.continue, third.body.metadata.remainingItemCount]).toEqual([
        ['c4'],
        undefined,
        undefined,
      ]);
      expect(third.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
    });
    test('show the state of the first page to the end', async () => {
      const first = await list({ limit: 4 });
      await created(api().admin.call('POST', core(ns, 'configmaps'), { body: { metadata: { name: 'c5' } } }));
      expect(names(await list({ limit: 4, continue: first.body.metadata.continue ?? '' }))).toEqual(['c4']);
      await created(api().admin.call('DELETE', core(ns, 'configmaps', 'c5')));
    });
    test('with a selector do not count', async () => {
      const { body } = await list({ limit: 1, labelSelector: 'app=web' });
      expect([body.items.length, body.metadata.remainingItemCount, typeof body.metadata.continue]).toEqual([
        1,
        undefined,
        'string',
      ]);
    });
    test('from the cache are one page', async () => {
      expect(names(await list({ limit: 1, resourceVersion: 0 }))).toHaveLength(5);
    });
    test('refuse a token that is none', async () => {
      expect(refusal(await list({ limit: 1, continue: 'abc' }))).toMatchObject({
        code: 400,
        message: expect.stringMatching(/^invalid continue token: continue key is not valid: /) as string,
      });
    });
  });

  describe('resourceVersion', () => {
    test('Exact shows the past', async () => {
      const before = (await list({})).body.metadata.resourceVersion;
      await created(api().admin.call('POST', core(ns, 'configmaps'), { body: { metadata: { name: 'later' } } }));
      expect(names(await list({ resourceVersion: before, resourceVersionMatch: 'Exact' }))).not.toContain('later');
      expect(names(await list({ resourceVersion: before, resourceVersionMatch: 'NotOlderThan' }))).toContain('later');
      await created(api().admin.call('DELETE', core(ns, 'configmaps', 'later')));
    });
    const invalid = (message: string): string => `ListOptions.meta.k8s.io "" is invalid: ${message}`;
    const refused: [query: Record<string, string>, code: number, message: string][] = [
      [
        { resourceVersionMatch: 'Exact' },
        422,
        invalid(
          'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
        ),
      ],
      [
        { resourceVersionMatch: 'Foo', resourceVersion: '1' },
        422,
        invalid('resourceVersionMatch: Unsupported value: "Foo": supported values: "Exact", "NotOlderThan", ""'),
      ],
      [
        { resourceVersionMatch: 'Exact', resourceVersion: '0' },
        422,
        invalid('resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
      ],
      [
        { sendInitialEvents: 'true' },
        422,
        invalid('sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list'),
      ],
      [{ limit: 'abc' }, 400, 'strconv.ParseInt: parsing "abc": invalid syntax'],
      [
        { resourceVersion: 'abc' },
        400,
        'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
      ],
    ];
    test.for(refused)('%o is refused', async ([query, , message]) => {
      // 1.32 leaves the first three words out.
      const older = message.replace(/^invalid resource version: /, '');
      expect([message, older]).toContain(refusal(await list(query)).message);
    });
    test('of the future is a timeout', async () => {
      const answer = await list({ resourceVersion: '99999999' });
      expect(answer.code).toBe(504);
      expect(answer.body.message).toMatch(/^Timeout: Too large resource version: 99999999, current: \d+$/);
      expect(answer.body.details).toEqual({
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      });
    });
  });
};

/** The self-check of rights: what is missing is named once a check, and what cannot be told counts as missing. */
import { expect, test } from 'vitest';
import { createRightsCheck, missingRights } from '../../src/controller/missing-rights.ts';
import { createLog } from '../../src/log.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import { configuration, sourceConfig } from '../plan/observations.ts';

interface Asked {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** `answer`: the status of the review. */
function play(
  answer: (asked: Asked) => unknown = () => ({ allowed: true }),
  parts: { secureReport?: boolean; stop?: AbortSignal } = {},
) {
  const asked: Asked[] = [];
  const lines: { level: string; msg: string }[] = [];
  const metrics = createMetrics({ version: 'test', processMetrics: false });
  const { client } = scriptedClient(({ body }) => {
    const { resourceAttributes } = (body as { spec: { resourceAttributes: Asked } }).spec;
    asked.push(resourceAttributes);
    return { status: answer(resourceAttributes) };
  });
  const rights = createRightsCheck({
    client,
    metrics,
    namespace: 'pullpass-system',
    stop: new AbortController().signal,
    log: createLog('info', {
      write: (line: string) => void lines.push(JSON.parse(line) as { level: string; msg: string }),
    }),
    ...parts,
  });
  return {
    client,
    rights,
    asked,
    lines,
    check: () => rights.check(config),
    metric: async () => /pullpass_missing_rights (\d+)/.exec((await metrics.exposition()).body)?.[1],
  };
}
const config = configuration([sourceConfig()]);

test('each right is asked for with its name and namespace, where it has them', async () => {
  const { check, asked } = play();
  await check();
  expect(asked).toEqual(
    expect.arrayContaining([
      { verb: 'patch', group: '', resource: 'secrets', name: 'regcred' },
      { verb: 'watch', group: '', resource: 'secrets', namespace: 'pullpass-system', name: 'upstream-registry' },
      { verb: 'list', group: '', resource: 'namespaces' },
    ]),
  );
});

test('what is missing is one line each and a number, until it is there again: that is one line, once', async () => {
  let allowed = false;
  const { rights, check, lines, metric } = play(({ resource }) => ({
    allowed: allowed || resource !== 'serviceaccounts',
  }));
  await check();
  expect([rights.missing(), await metric()]).toEqual([true, '4']);
  expect(lines.map(({ level, msg }) => `${level} ${msg.split(' in ')[0] ?? ''}`)).toEqual(
    ['get', 'list', 'watch', 'patch'].map((verb) => `error cannot ${verb} serviceaccounts`),
  );
  allowed = true;
  lines.length = 0;
  await check();
  await check();
  expect([rights.missing(), await metric(), lines.map(({ level, msg }) => `${level} ${msg}`)]).toEqual([
    false,
    '0',
    ['info every right that the configuration needs is there now'],
  ]);
});

test('an answer that says neither is no right', async () => {
  const { client } = play(() => undefined);
  expect((await missingRights(client, config, 'pullpass-system', new AbortController().signal)).length).toBeGreaterThan(
    10,
  );
});

test('a server that cannot be asked is a warning, and to be asked again', async () => {
  const { rights, check, lines } = play(() => {
    throw refusal(500);
  });
  expect(rights.missing()).toBe(false);
  await check();
  expect([rights.missing(), lines.map(({ level, msg }) => `${level} ${msg.split(':')[0] ?? ''}`)]).toEqual([
    true,
    ['warn cannot check our own rights'],
  ]);
});

test('a stop while it asks is nothing to tell', async () => {
  const stopping = new AbortController();
  const { check, lines } = play(() => new Promise(() => undefined), { stop: stopping.signal });
  const checking = check();
  stopping.abort();
  await checking;
  expect(lines).toEqual([]);
});

test('whom the page is for is asked about only where it is for some', async () => {
  const reviews = async (secureReport: boolean): Promise<string[]> => {
    const { check, asked } = play(undefined, { secureReport });
    await check();
    return asked.map(({ resource }) => resource).filter((resource) => resource.endsWith('reviews'));
  };
  expect([await reviews(false), await reviews(true)]).toEqual([[], ['tokenreviews', 'subjectaccessreviews']]);
});

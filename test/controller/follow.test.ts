import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { parseConfiguration } from '../../src/config/load.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { followConfiguration, warnOfLeftCopies } from '../../src/controller/follow.ts';
import type { Log } from '../../src/log.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { GOOD, source } from '../config/documents.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'pullpass-follow-'));
});
afterEach(() => rm(directory, { recursive: true }));

function read(text: string): Configuration {
  const result = parseConfiguration(text, 'c.yaml');
  if (!result.ok) throw new Error(result.problems[0]?.message);
  return result.configuration;
}

test('a version that cannot be put in force is logged, and the metric says that the reload failed', async () => {
  const file = path.join(directory, 'config.yaml');
  await writeFile(file, GOOD + source('second'));
  const metrics = createMetrics({ version: '0' });
  const errors = vi.fn();
  const stop = new AbortController();
  followConfiguration({
    file,
    running: read(GOOD),
    intervalMs: 5,
    signal: stop.signal,
    log: { info: () => undefined, error: errors } as unknown as Log,
    metrics,
    refuse: () => undefined,
    take: () => Promise.reject(new Error('no room')),
  });
  await vi.waitFor(() => expect(errors).toHaveBeenCalledWith(expect.anything(), 'unexpected: no room'), 10_000);
  stop.abort();
  expect(await metrics.configReloadSuccessful.get()).toMatchObject({ values: [{ value: 0 }] });
});

test('of many copy names that are left some are told one by one', () => {
  const warn = vi.fn();
  const retired = Array.from({ length: 500 }, (_, i) => `r${i}`);
  warnOfLeftCopies(read(`${GOOD}retiredCopyNames: [${retired.join()}]\n`), read(GOOD), { warn } as unknown as Log);
  expect(warn).toHaveBeenCalledTimes(21);
  expect(warn).toHaveBeenLastCalledWith('and 480 more copy names that the configuration no longer has');
});

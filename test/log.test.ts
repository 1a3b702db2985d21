import { describe, expect, test } from 'vitest';
import { createLog } from '../src/log.ts';
import type { Log } from '../src/log.ts';

function logged(level: string, say: (log: Log) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  say(createLog(level, { write: (line) => void lines.push(line) }));
  for (const line of lines) expect(line).toMatch(/^[^\n]*\n$/);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('a line has its level by name, its time, and no process data', () => {
  const [line] = logged('info', (log) => log.info({ namespace: 'team-a' }, 'hello'));
  expect(line).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
    namespace: 'team-a',
    msg: 'hello',
  });
});

test('what is below the level is not written', () => {
  expect(
    logged('warn', (log) => {
      log.info('no');
      log.warn('yes');
    }),
  ).toHaveLength(1);
});

describe('an error', () => {
  const error = new TypeError('it broke', { cause: new Error('deep down') });
  test('is its name and its message, without the stack', () => {
    const [line] = logged('info', (log) => log.error({ err: error }, 'failed'));
    expect(line?.['err']).toEqual({ type: 'TypeError', message: 'it broke' });
  });
  test('has its stack at debug', () => {
    const [line] = logged('debug', (log) => log.error({ err: error }, 'failed'));
    expect(line?.['err']).toMatchObject({ message: 'it broke', stack: expect.stringContaining('log.test') as string });
  });
  test('given alone is no different', () => {
    const [line] = logged('info', (log) => log.error(error));
    expect(line).toMatchObject({ err: { type: 'TypeError', message: 'it broke' } });
    expect(JSON.stringify(line)).not.toContain('log.test');
  });
});

test('a credential that is logged by mistake is not written', () => {
  const secret = {
    password: 'SECRET',
    auth: 'SECRET',
    token: 'SECRET',
    data: { '.dockerconfigjson': 'SECRET' },
    stringData: { a: 'SECRET' },
  };
  const lines = logged('trace', (log) => {
    log.info(secret, 'at the top');
    log.info({ object: secret, entry: { identitytoken: 'SECRET' } }, 'below');
    log.info(
      { headers: { authorization: 'SECRET' }, request: { headers: { authorization: 'SECRET' } } },
      'of a request',
    );
  });
  expect(lines).toHaveLength(3);
  expect(JSON.stringify(lines)).not.toContain('SECRET');
});

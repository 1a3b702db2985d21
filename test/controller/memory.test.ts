/** The saved state at the start: what was not read is not taken for absent. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createMemory } from '../../src/controller/memory.ts';
import { createLog } from '../../src/log.ts';
import { NewerStateError } from '../../src/observe/records.ts';
import type { State } from '../../src/observe/state.ts';
import { UnreachableError } from '../../src/kube/api-error.ts';
import { refusal } from '../kube/scripted-client.ts';

function play(answers: (Error | 'loaded')[]) {
  const lines: string[] = [];
  let forgotten = 0;
  const load = (): Promise<void> => {
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve();
  };
  const state = { load, peek: () => load().then(() => ({ remembered: true })), forget: () => void forgotten++ };
  const log = createLog('info', {
    write: (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg),
  });
  const halts: string[] = [];
  const halt = (why: Error): void => void halts.push(why.message);
  return {
    lines,
    halts,
    forgotten: () => forgotten,
    memory: createMemory(state as unknown as State, { namespace: 'ns', log, halt }),
  };
}
const signal = new AbortController().signal;

test.each([false, true])(
  'it is read again until there is an answer, and says once what is wrong; paused: %s',
  async (paused) => {
    const { memory, lines, forgotten } = play([new UnreachableError('no answer'), refusal(500), 'loaded']);
    const loading = memory.load(paused, signal);
    await delay(50);
    expect(memory.trouble()).toBe('Secret ns/pullpass-state: no answer');
    await loading;
    expect(memory.trouble()).toBeUndefined();
    expect(forgotten()).toBe(0);
    expect(lines).toEqual(['cannot read Secret ns/pullpass-state, and nothing is done before: no answer']);
  },
);

test('a refusal that passes is no missing right', async () => {
  const { memory, forgotten } = play([refusal(403), refusal(422), 'loaded']);
  await memory.load(false, signal);
  expect(forgotten()).toBe(0);
});

test('without the right to it, the controller goes on in memory after a while', async () => {
  const { memory, lines, forgotten } = play([refusal(403)]);
  await memory.load(false, signal);
  expect([forgotten(), memory.trouble()]).toEqual([1, undefined]);
  expect(lines[1]).toMatch(/cannot keep state in Secret ns\/pullpass-state: .*given their login again at each restart/);
});

test('a stop ends the wait', async () => {
  const { memory, forgotten } = play([new UnreachableError('no answer')]);
  const stop = new AbortController();
  const loading = memory.load(false, stop.signal);
  stop.abort();
  await loading;
  expect(forgotten()).toBe(0);
});

test('a state of a newer version ends the process; it is not forgotten, and not asked for again', async () => {
  const { memory, lines, halts, forgotten } = play([new NewerStateError(2)]);
  await memory.load(false, signal);
  expect([halts.length, forgotten(), lines]).toEqual([1, 0, []]);
  expect(halts[0]).toContain('Secret pullpass-state was written by a newer Pullpass (format 2; this one knows 1)');
});

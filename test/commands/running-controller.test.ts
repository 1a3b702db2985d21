/** `prune --stop-controller`: nothing is removed before the controller has surely ended. */
import { expect, test } from 'vitest';
import { stopController } from '../../src/commands/running-controller.ts';
import type { Call } from '../kube/scripted-client.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';

const DEPLOYMENT = '/apis/apps/v1/namespaces/ops/deployments/pullpass';
const SELECTOR = 'app.kubernetes.io/name=pullpass';
const pod = (name: string, phase = 'Running') => ({ metadata: { name }, status: { phase } });

/** A namespace in which things go on: each look at the Deployment is a moment, and `world` says what is there in it. */
function stopping(
  world: (moment: number) => {
    /** False: there is no Deployment. */
    deployment?: false;
    replicas?: number;
    /** Whether the Deployment controller has seen the change. */
    seen?: boolean;
    pods?: object[];
    lease?: object;
  },
) {
  let moment = 0;
  const lines: string[] = [];
  const answer = ({ verb, path, query, body }: Call): unknown => {
    if (path.startsWith(DEPLOYMENT) && world(moment).deployment === false) throw refusal(404);
    if (verb === 'patch' && path === `${DEPLOYMENT}/scale`) {
      expect(body).toEqual({ spec: { replicas: 0 } });
      return { status: { selector: SELECTOR } };
    }
    if (path === DEPLOYMENT) {
      const { replicas = 0, seen = true } = world(++moment);
      return { metadata: { generation: 2 }, spec: { replicas }, status: { observedGeneration: seen ? 2 : 1 } };
    }
    if (path === '/api/v1/namespaces/ops/pods') {
      expect(query['labelSelector']).toBe(SELECTOR);
      return { items: world(moment).pods ?? [] };
    }
    const { lease } = world(moment);
    if (lease === undefined) throw refusal(404);
    return { spec: lease };
  };
  const { client, calls } = scriptedClient(answer);
  const signal = new AbortController();
  return {
    lines,
    calls,
    signal,
    moments: () => moment,
    done: stopController({
      client,
      namespace: 'ops',
      timings: { lookAgain: 5, poll: 1, limit: 150 },
      signal: signal.signal,
      write: (line) => lines.push(line),
    }),
  };
}

test('it waits for the Deployment controller, then for each pod, then for the Lease', async () => {
  const held = { holderIdentity: 'a', renewTime: new Date().toISOString(), leaseDurationSeconds: 15 };
  const it = stopping((moment) => ({
    seen: moment > 1,
    pods: moment > 3 ? [pod('done', 'Succeeded')] : moment > 2 ? [pod('b')] : [pod('a'), pod('b')],
    lease: moment > 5 ? { holderIdentity: '' } : held,
  }));
  await it.done;
  expect(it.moments()).toBe(6);
  expect(it.lines).toEqual(['Deployment pullpass: scaled to 0; waiting until it has ended.']);
  expect(it.calls.filter(({ verb }) => verb !== 'get')).toHaveLength(1);
});

test.each<[string, Parameters<typeof stopping>[0], RegExp]>([
  ['a pod that stays', () => ({ pods: [pod('stuck')] }), /nothing was removed: after 0.15 s pod stuck is still there/],
  ['a Deployment controller that does nothing', () => ({ seen: false }), /Deployment pullpass has not been scaled/],
  [
    'a controller elsewhere that keeps renewing the Lease',
    () => ({ lease: { holderIdentity: 'laptop', renewTime: new Date().toISOString() } }),
    /nothing was removed: after 0.15 s the Lease is held by laptop/,
  ],
])('%s ends it with what is left', async (_, world, message) => {
  await expect(stopping(world).done).rejects.toThrow(message);
});

test('whoever scales it up again is no pod that ends late', async () => {
  const it = stopping((moment) => ({ replicas: moment > 1 ? 2 : 0, pods: [pod('a')] }));
  await expect(it.done).rejects.toThrow(
    /nothing was removed: something scaled Deployment pullpass up again; pause what/,
  );
});

test('where no Deployment is, the Lease still counts', async () => {
  const free = stopping(() => ({ deployment: false }));
  await free.done;
  expect(free.lines).toEqual(['No Deployment pullpass in namespace ops: nothing to stop.']);
  const led = stopping(() => ({
    deployment: false,
    lease: { holderIdentity: 'x', renewTime: new Date().toISOString() },
  }));
  await expect(led.done).rejects.toThrow(/held by x/);
});

test('an interrupt ends the wait', async () => {
  const it = stopping(() => ({ pods: [pod('a')] }));
  it.signal.abort();
  await expect(it.done).rejects.toThrow('prune: interrupted; nothing was removed');
});

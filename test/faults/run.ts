/** One run: a schedule of steps against an API server with some replicas of the controller, judged at every write. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import { createClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connection.ts';
import { KubeConfig } from '@kubernetes/client-node';
import { configurationSchema } from '../../src/config/schema.ts';
import { configurationDocument, CONTROLLER_NAMESPACE, createCluster } from '../integration/env/cluster.ts';
import { offIn } from './expected.ts';
import type { Logins } from './expected.ts';
import { createJudge } from './judge.ts';
import { createPlayers } from './players.ts';
import { startFaultProxy } from './proxy.ts';
import { createReplica } from './replicas.ts';
import { describe, NAMESPACES, schedule } from './schedule.ts';
import type { Operation, ScheduleOptions, SourceName, Step } from './schedule.ts';
import type { Stage } from './stage.ts';
import type { Write } from './write.ts';

export interface RunOptions extends ScheduleOptions {
  readonly seed: number;
  readonly stage: (onWrite: (write: Write) => void) => Promise<Stage>;
  /** The `src` of the controllers. */
  readonly source?: string;
  /** Operations that are left out. */
  readonly without?: readonly string[];
  /** How long all may take to converge once it is calm. */
  readonly calmMs: number;
}

export interface Outcome {
  readonly seed: number;
  readonly steps: number;
  readonly judged: number;
  readonly harmless: number;
  /** How often each fault befell something. */
  readonly faults: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** Longest time from calm to converged. */
  readonly slowestMs: number;
  /** What must never be, with the steps that led there. */
  readonly broken?: string;
}

/** PULLPASS_SOURCE: the `src` of another checkout, so that an older version can be held against the same schedule. */
export const OWN = process.env['PULLPASS_SOURCE'] ?? path.resolve(import.meta.dirname, '..', '..', 'src');
/** How long nothing may be written after it has converged. */
const QUIET_MS = 400;

export async function run(options: RunOptions): Promise<Outcome> {
  const { seed, replicas: count, calmMs, without = [] } = options;
  const startedAt = performance.now();
  const document = configurationDocument(
    { name: 'corp', verify: 'auto', serviceAccounts: ['*'] },
    { name: 'hub', verify: 'enforce', canary: { namespaces: 1, proxies: 0, seconds: 1 } },
  );
  const judge = createJudge({
    controller: `system:serviceaccount:${CONTROLLER_NAMESPACE}:pullpass`,
    namespace: CONTROLLER_NAMESPACE,
    copies: new Map([
      ['corp-copy', { canarySeconds: 0 }],
      ['hub-copy', { canarySeconds: 1 }],
    ]),
    denied: (namespace) => namespace.startsWith('kube-'),
    good: ({ password }) => password?.startsWith('good-') === true,
  });
  await using cleanup = new AsyncDisposableStack();
  const recent: Write[] = [];
  const stage = await options.stage((write) => {
    judge.write(write);
    recent.push(write);
    recent.splice(0, recent.length - 2_000);
  });
  cleanup.defer(() => stage.stop());
  const proxy = await startFaultProxy(stage.server);
  cleanup.defer(() => proxy.close());
  const cluster = await createCluster(stage.server);
  cleanup.defer(() => cluster.close());
  const directory = await mkdtemp(path.join(tmpdir(), 'faults-'));
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const file = (name: string): string => path.join(directory, name);

  await cluster.applyRbac(configurationSchema.parse(document));
  /** At once, as the kubelet changes a mounted file. */
  const replaceFile = async (name: string, text: string): Promise<void> => {
    await writeFile(file(`${name}.new`), text);
    await rename(file(`${name}.new`), file(name));
  };
  const configure = (paused: boolean): Promise<void> => replaceFile('config.yaml', stringify({ ...document, paused }));
  const issue = async (): Promise<string> => {
    const config = new KubeConfig();
    config.loadFromString(await stage.server.kubeconfigFor({ namespace: CONTROLLER_NAMESPACE, name: 'pullpass' }));
    return config.getCurrentUser()?.token ?? '';
  };
  let token = await issue();
  await configure(false);
  await writeFile(file('token'), token);
  await writeFile(file('ca.crt'), proxy.caPem);
  await writeFile(file('kubeconfig'), kubeconfigOf(proxy.url, file('ca.crt'), file('token')));

  const config = new KubeConfig();
  config.loadFromString(stage.server.adminKubeconfig());
  const connection = connect(config);
  cleanup.defer(() => connection.close());
  let isCalm = false;
  const players = createPlayers(
    createClient(connection, { userAgent: 'tenant' }),
    createClient(connection, { userAgent: 'argocd' }),
    () => isCalm,
  );

  const crashes: string[] = [];
  const replicas = Array.from({ length: count }, (_, i) =>
    createReplica(
      {
        source: options.source ?? OWN,
        kubeconfig: file('kubeconfig'),
        configurationFile: file('config.yaml'),
        namespace: CONTROLLER_NAMESPACE,
        identity: `replica-${i}`,
        idleMs: stage.idleMs,
      },
      (what) => crashes.push(what),
    ),
  );
  cleanup.defer(async () => {
    await Promise.all(replicas.map((replica) => replica.kill()));
  });

  const faults: Record<string, number> = {};
  const note = (what: string): void => void (faults[what] = (faults[what] ?? 0) + 1);
  /** What ends by itself after a while, and at once when it is calm. */
  const ending = new Set<() => void>();
  const later = (ms: number, end: () => void): void => {
    const once = (): void => {
      clearTimeout(timer);
      if (ending.delete(once)) end();
    };
    const timer = setTimeout(once, ms);
    ending.add(once);
  };
  const background = new Set<Promise<unknown>>();
  const aside = (work: Promise<unknown>): void => {
    background.add(work);
    void work.catch((error: unknown) => crashes.push(String(error))).finally(() => background.delete(work));
  };
  /** As the kubelet does, it is asked more than once: a process that was frozen first has to notice. */
  const dying = new Map<string, number>();
  const pulse = setInterval(() => {
    for (const replica of replicas)
      void replica.dead().then((why) => {
        const times = why === undefined ? 0 : (dying.get(replica.identity) ?? 0) + 1;
        dying.set(replica.identity, times);
        if (times === 3) crashes.push(`/livez of ${replica.identity}: ${why}`);
      });
  }, 400);
  cleanup.defer(() => clearInterval(pulse));

  let slowestMs = 0;
  const steps = schedule(seed, options).filter(({ operation }) => !without.includes(nameOf(operation)));
  const passed: Step[] = [];

  async function disturb(operation: Operation): Promise<void> {
    switch (operation.do) {
      case 'pause':
      case 'resume':
        note(operation.do);
        return configure(operation.do === 'pause');
      case 'fault':
        return later(operation.ms, proxy.add(operation.fault));
      case 'freeze': {
        const replica = replicas[operation.replica];
        note('SIGSTOP');
        replica?.freeze();
        return later(operation.ms, () => replica?.thaw());
      }
      case 'kill':
      case 'terminate': {
        const replica = replicas[operation.replica];
        note(operation.do === 'kill' ? 'SIGKILL' : 'SIGTERM');
        aside((operation.do === 'kill' ? replica?.kill() : replica?.terminate()) ?? Promise.resolve());
        return later(operation.ms, () => replica?.start());
      }
      case 'move clock':
        note('clock moved');
        return replicas[operation.replica]?.moveClock(operation.ms);
      case 'kill server':
        note('server killed');
        await proxy.down();
        await stage.kill(operation.ms);
        return later(operation.ms, () => aside(proxy.up()));
      case 'backup':
        return stage.backup();
      case 'restore':
        note('restored from a backup');
        // Nobody writes while there is no server, and all find the restored one before its versions have passed theirs.
        for (const end of ending) end();
        await proxy.down();
        judge.restored(await stage.restore());
        await proxy.up();
        await delay(1_000);
        return;
      case 'compact':
        note('compacted');
        return stage.compact();
      case 'new token':
        note('new token');
        proxy.revoke(token);
        token = await issue();
        return replaceFile('token', token);
      case 'new CA':
        note('new CA');
        await proxy.rotateCa();
        return replaceFile('ca.crt', proxy.caPem);
      case 'depose':
        return depose(operation.count);
      case 'calm':
        return calm();
      default:
        await players.play(operation);
    }
  }

  async function depose(many: number): Promise<void> {
    for (const end of ending) end();
    const found = async (): Promise<{ holder: string | undefined; copies: number }> => {
      const objects = await stage.objects();
      const lease = objects.find(([resource]) => resource === 'leases')?.[1];
      const isCopy = ([resource, { metadata }]: (typeof objects)[number]): boolean =>
        resource === 'secrets' && metadata.namespace?.startsWith('many-') === true;
      return { holder: lease?.spec?.holderIdentity, copies: objects.filter(isCopy).length };
    };
    const until = async (ms: number, is: (now: Awaited<ReturnType<typeof found>>) => boolean): Promise<void> => {
      for (const end = performance.now() + ms; performance.now() < end && !is(await found());) await delay(2);
    };
    const optIns = players.play({ do: 'many namespaces', count: many });
    await until(3_000, ({ copies }) => copies > 20);
    const { holder } = await found();
    const leader = replicas.find(({ identity }) => identity === holder);
    note('SIGSTOP of a busy leader');
    leader?.freeze();
    await optIns;
    await delay(200);
    await players.play({ do: 'many opt out', count: many });
    await until(8_000, (now) => now.holder !== holder);
    await delay(300);
    leader?.thaw();
    await delay(500);
    await players.play({ do: 'no more of them', count: many });
  }

  async function calm(): Promise<void> {
    isCalm = true;
    for (const end of ending) end();
    await proxy.up();
    await configure(false);
    await Promise.all(background);
    for (const replica of replicas) replica.start();
    for (const namespace of NAMESPACES) await players.play({ do: 'make namespace', namespace });
    const logins: Record<SourceName, Logins> = await players.settle();
    const since = performance.now();
    for (let off = ['']; off.length > 0 && judge.violations.length === 0 && crashes.length === 0;) {
      await stage.caughtUp();
      const looked = performance.now();
      off = offIn(await stage.objects(), logins);
      if (performance.now() - since > calmMs && off.length > 0)
        crashes.push(`not converged within ${calmMs / 1000} s: ${off.slice(0, 8).join('; ')}`);
      // Looking through a thousand namespaces must not keep this process, and so the server in it, from its work.
      await delay(Math.max(30, (performance.now() - looked) * 10));
    }
    slowestMs = Math.max(slowestMs, performance.now() - since);
    await quiet();
    isCalm = false;
  }

  /** In sync means no writes; the last ones may still be under way. */
  async function quiet(): Promise<void> {
    for (let tries = 0; tries < 10; tries++) {
      await stage.caughtUp();
      const before = judge.judgedObjects;
      await delay(QUIET_MS);
      await stage.caughtUp();
      if (judge.judgedObjects === before) return;
    }
    if (crashes.length === 0) crashes.push('in sync, and still it writes on and on');
  }

  for (const replica of replicas) replica.start();
  for (const namespace of NAMESPACES) await players.play({ do: 'make namespace', namespace });
  await players.settle();
  // The steps are for a controller that works; how it starts is seen at each restart.
  for (const end = performance.now() + calmMs; judge.judgedObjects === 0 && performance.now() < end;) {
    await delay(50);
    await stage.caughtUp();
  }
  await stage.backup();
  for (const step of steps) {
    passed.push(step);
    await delay(step.waitMs);
    await disturb(step.operation);
    if (stage.kind === 'sandbox' || step.operation.do === 'calm') await stage.caughtUp();
    if (judge.violations.length > 0 || crashes.length > 0) break;
  }
  for (const end of ending) end();
  await Promise.allSettled(background);

  for (const [kind, times] of proxy.hits) faults[kind] = (faults[kind] ?? 0) + times;
  const found = [...judge.violations.map(({ invariant, what }) => `${invariant}: ${what}`), ...crashes];
  const command = `PULLPASS_SEED=${seed} PULLPASS_STEPS=${options.steps} npm run test:faults`;
  return {
    seed,
    steps: passed.length,
    judged: judge.judged,
    harmless: judge.harmless,
    faults,
    seconds: (performance.now() - startedAt) / 1000,
    slowestMs,
    ...(found.length > 0 && {
      broken: [
        `seed ${seed} on ${stage.kind}, step ${passed.length}: ${found.slice(0, 5).join('\n')}`,
        `last writes there:\n  ${recent
          .filter(({ namespace }) => namespace === judge.violations[0]?.write.namespace)
          .slice(-25)
          .map(tell)
          .join('\n  ')}`,
        `last steps: ${passed.slice(-12).map(describe).join('\n  ')}`,
        ...(process.env['PULLPASS_LOGS'] === undefined
          ? []
          : replicas.map(({ identity, lines }) => `${identity}:\n  ${lines.slice(-60).join('\n  ')}`)),
        `again: ${command}`,
      ].join('\n'),
    }),
  };
}

const nameOf = (operation: Operation): string => (operation.do === 'fault' ? operation.fault.kind : operation.do);

/** One line, and no content. */
function tell({ at, arrivedAt, by, resource, name, before, after }: Write): string {
  const what = before === undefined ? 'made' : after === undefined ? 'deleted' : 'changed';
  const list = resource === 'serviceaccounts' ? ` [${(after?.imagePullSecrets ?? []).map((e) => e.name).join()}]` : '';
  const marks = `${after?.metadata.labels?.['pullpass.dev/source'] ?? ''}${after?.immutable === true ? ' immutable' : ''}`;
  const late = at - arrivedAt > 50 ? ` ${Math.round(at - arrivedAt)} ms after it came` : '';
  return `${Math.round(at) % 1_000_000} ${by?.agent ?? 'the server'} ${what} ${resource}/${name}${list} ${marks}${late}`;
}

/** CA and token in files, as a pod has them. */
function kubeconfigOf(server: string, ca: string, tokenFile: string): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': ca } }],
    users: [{ name: 'user', user: { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'user' } }],
    'current-context': 'test',
  });
}

/** The controller itself as pods: its own image, its replicas, and the version before. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventually } from '../../integration/env/cluster.ts';
import { released } from '../../upgrade/released.ts';
import { finished } from '../cluster.ts';
import { startPuller } from '../puller.ts';
import { COPY, FIRST, HOME, onNodes, SECOND } from '../world.ts';
import type { World } from '../world.ts';

const SELECTOR = 'app.kubernetes.io/name=pullpass,app.kubernetes.io/component=controller';

interface ControllerPod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: { readonly imagePullSecrets?: { readonly name: string }[] };
  readonly status: { readonly containerStatuses?: { readonly containerID: string; readonly restartCount: number }[] };
}

async function controllers({ cluster }: World): Promise<ControllerPod[]> {
  const query = { labelSelector: SELECTOR };
  return (await cluster.admin.get<{ items: ControllerPod[] }>(`/api/v1/namespaces/${HOME}/pods`, { query })).items;
}
const rolledOut = async ({ cli }: World): Promise<void> => {
  await cli.kubectl(['--namespace', HOME, 'rollout', 'status', 'deployment/pullpass', '--timeout=120s']);
};
const leader = async ({ cluster }: World): Promise<string> => {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${HOME}/leases/pullpass-controller`;
  return (await cluster.admin.get<{ spec: { holderIdentity?: string } }>(path)).spec.holderIdentity ?? '';
};

onNodes((world, settings) => {
  describe('with its own namespace opted in', () => {
    const OWN = 'own-image';

    test("the controller's own image is pulled with a copy, also when its login was rotated and the old one revoked", async () => {
      const { cli, cluster, config, install, login, upstream } = world();
      await install({
        sources: [
          {
            name: 'upstream',
            secret: { namespace: HOME, name: COPY },
            // Next to its source, so it needs a name of its own.
            copyName: OWN,
            namespaces: { allow: ['team-*', HOME], deny: [] },
            serviceAccounts: ['pullpass'],
          },
        ],
      });
      await cluster.annotateNamespace(HOME, { 'pullpass.dev/sync': 'enabled' });
      await eventually(async () => expect(await cluster.pullSecrets(HOME, 'pullpass')).toEqual([COPY, OWN]), 60_000);
      // What brought the first pods up is taken away: from here on there is only the copy.
      await cluster.admin.patch(`/api/v1/namespaces/${HOME}/serviceaccounts/pullpass`, 'application/json-patch+json', [
        { op: 'test', path: '/imagePullSecrets/0', value: { name: COPY } },
        { op: 'remove', path: '/imagePullSecrets/0' },
      ]);
      await login(SECOND);
      const waited = await cli.pullpass('wait', '--config', config, '--source', 'upstream', '--timeout', '2m');
      expect(waited).toMatchObject({ status: 0 });
      upstream.revoke(FIRST.username);
      const asked = upstream.requests.length;
      // `Always`: the image is on the node already.
      await cli.kubectl([
        ...['--namespace', HOME, 'patch', 'deployment', 'pullpass', '--type=json', '--patch'],
        JSON.stringify([{ op: 'add', path: '/spec/template/spec/containers/0/imagePullPolicy', value: 'Always' }]),
      ]);
      await rolledOut(world());
      await eventually(async () => {
        const pods = await controllers(world());
        expect(pods.map(({ spec }) => spec.imagePullSecrets)).toEqual([[{ name: OWN }], [{ name: OWN }]]);
      });
      const pulls = upstream.requests
        .slice(asked)
        .filter((request) => request.path.startsWith('/v2/pullpass/pullpass/'));
      expect(new Set(pulls.map(({ user }) => user))).toContain(SECOND.username);
    });
  });

  describe('with two replicas', () => {
    test("the leader's process is killed, then its pod goes: the other one leads, pulls go on, and new namespaces are served", async () => {
      const { cli, cluster, install, namespace, pods, push, synced } = world();
      await install();
      await rolledOut(world());
      await namespace('team-steady', { optIn: true });
      await synced('team-steady');
      const image = await push('corp/app');
      const puller = startPuller(pods, 'team-steady', async () => image);
      await puller.more(4);
      const before = await leader(world());
      const pod = (await controllers(world())).find(({ metadata }) => before.startsWith(metadata.name));
      expect(pod).toBeDefined();
      const id = pod?.status.containerStatuses?.[0]?.containerID.replace('containerd://', '') ?? '';
      // The container starts again in the same pod, and may lead on. Without the node's socket there is only what comes next.
      if (settings.node?.socket !== undefined) {
        const ctr = ['--address', settings.node.socket, '--namespace', 'k8s.io'];
        const env = { ...process.env, PATH: settings.path };
        const killed = await finished('ctr', [...ctr, 'tasks', 'kill', '--signal', 'SIGKILL', id], env);
        expect(killed).toMatchObject({ status: 0 });
      }
      const began = performance.now();
      await namespace('team-after', { optIn: true });
      await eventually(async () => expect(await cluster.pullSecrets('team-after')).toEqual([COPY]), 60_000);
      const leading = await leader(world());
      console.log(`a namespace that opted in without a leader had its login after ${seconds(began)} s`);
      expect(await pods.run('team-after', 'app', await push('corp/app'))).toBe('ran');
      const lost = (await controllers(world())).find(({ metadata }) => leading.startsWith(metadata.name))?.metadata
        .name;
      expect(lost).toBeDefined();
      await cli.kubectl(['--namespace', HOME, 'delete', 'pod', '--force', '--grace-period=0', lost ?? '']);
      await namespace('team-later', { optIn: true });
      await eventually(async () => expect(await cluster.pullSecrets('team-later')).toEqual([COPY]), 60_000);
      const next = await leader(world());
      expect([next, next.startsWith(lost ?? '')]).toEqual([expect.stringMatching(/./), false]);
      await rolledOut(world());
      await puller.more(4);
      expect(await puller.stop()).toMatchObject({ refused: 0, failedPulls: [] });
    });
  });

  const old = released('0.1.0');
  test.skipIf('missing' in old)(
    `upgraded from 0.1.0 under pods that are made all the time, no pull fails and no copy is written anew${'missing' in old ? ` (${old.missing})` : ''}`,
    async () => {
      const { cleanUp, cli, cluster, config, install, login, namespace, pods, push, synced, userIn } = world();
      await install();
      await cli.kubectl(['--namespace', HOME, 'scale', 'deployment/pullpass', '--replicas=0']);
      await eventually(async () => expect(await controllers(world())).toEqual([]), 60_000);
      await cli.kubectl(['--namespace', HOME, 'delete', 'secret/pullpass-state', 'lease/pullpass-controller']);
      const before = await startOld(world(), (old as { directory: string }).directory);
      cleanUp.defer(before.stop);
      await namespace('team-old', { optIn: true });
      await eventually(async () => expect(await cluster.pullSecrets('team-old')).toEqual([COPY]), 60_000);
      const copy = await cluster.getSecret('team-old', COPY);
      const image = await push('corp/app');
      const puller = startPuller(pods, 'team-old', async () => image);
      await puller.more(4);

      await cli.kubectl(['--namespace', HOME, 'scale', 'deployment/pullpass', '--replicas=2']);
      await rolledOut(world());
      await before.stop();
      await namespace('team-new', { optIn: true });
      await eventually(async () => expect(await cluster.pullSecrets('team-new')).toEqual([COPY]), 60_000);
      await synced('team-old');
      const { uid, resourceVersion } = (await cluster.getSecret('team-old', COPY))?.metadata ?? {};
      expect({ uid, resourceVersion }).toEqual({
        uid: copy?.metadata?.uid,
        resourceVersion: copy?.metadata?.resourceVersion,
      });
      await login(SECOND);
      const waited = await cli.pullpass('wait', '--config', config, '--source', 'upstream', '--timeout', '2m');
      expect(waited).toMatchObject({ status: 0 });
      expect([await userIn('team-old'), await userIn('team-new')]).toEqual([SECOND.username, SECOND.username]);
      await puller.more(4);
      expect(await puller.stop()).toMatchObject({ refused: 0, failedPulls: [] });
    },
  );

  /** No image of it was ever made: a process here, with the rights of the controller's ServiceAccount. */
  async function startOld({ cli, config }: World, directory: string): Promise<{ stop(): Promise<void> }> {
    const token = (await cli.kubectl(['--namespace', HOME, 'create', 'token', 'pullpass'])).trim();
    const view = await cli.kubectl(['config', 'view', '--flatten', '--output', 'json']);
    const own = JSON.parse(view) as { users: { user: object }[] };
    own.users = own.users.map((user) => ({ ...user, user: { token } }));
    const kubeconfig = path.join(directory, 'kubeconfig');
    writeFileSync(kubeconfig, JSON.stringify(own), { mode: 0o600 });
    const main = path.join(directory, 'src/main.ts');
    const args = [main, 'controller', '--config', config, '--kubeconfig', kubeconfig, '--address', '0'];
    const child = spawn(process.execPath, args, { stdio: 'ignore' });
    const gone = once(child, 'exit');
    return {
      async stop() {
        child.kill('SIGTERM');
        await gone;
        rmSync(directory, { recursive: true, force: true });
      },
    };
  }
});

const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(1);

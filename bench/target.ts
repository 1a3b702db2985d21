/** What a benchmark runs against: the sandbox in a process of its own, a real kube-apiserver of this machine, or any cluster. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { KubeConfig } from '@kubernetes/client-node';
import { createClient } from '../src/kube/client.ts';
import { connect } from '../src/kube/connection.ts';
import { paths } from '../src/kube/paths.ts';
import { findRealApi, startRealApi } from '../test/integration/env/real-api.ts';

export interface Target extends AsyncDisposable {
  /** What it is, for people. */
  readonly name: string;
  /** File with an administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** File with a kubeconfig of this ServiceAccount of the namespace `default`, which must exist. */
  account(name: string): Promise<string>;
  /** Scratch folder that goes with it. */
  readonly folder: string;
}

/** `against`: `sandbox`, `envtest`, or the path of a kubeconfig. */
export async function openTarget(against: string): Promise<Target> {
  const folder = mkdtempSync(path.join(tmpdir(), 'pullpass-bench-'));
  const file = path.join(folder, 'kubeconfig');
  // As beside the program that is shipped: without it Node looks at each file for what it is.
  writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
  const target = (name: string, kubeconfig: string, stop?: () => Promise<unknown>): Target => ({
    name,
    kubeconfig,
    folder,
    async account(account) {
      const config = new KubeConfig();
      config.loadFromFile(kubeconfig);
      const connection = connect(config);
      const { status } = await createClient(connection).create<{ status: { token: string } }>(
        `${paths.serviceAccounts('default', account)}/token`,
        { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
      );
      await connection.close();
      config.users = [{ name: account, token: status.token }];
      config.contexts = config.contexts.map((context) => ({ ...context, user: account }));
      const file = path.join(folder, account);
      writeFileSync(file, config.exportConfig(), { mode: 0o600 });
      return file;
    },
    async [Symbol.asyncDispose]() {
      await stop?.();
      rmSync(folder, { recursive: true });
    },
  });
  if (against === 'envtest') {
    const real = findRealApi();
    if (!('found' in real)) throw new Error('missing' in real ? real.missing : 'no kube-apiserver');
    const server = await startRealApi(real.found, { namespaceLifecycle: false });
    writeFileSync(file, server.adminKubeconfig(), { mode: 0o600 });
    return target('kube-apiserver of this machine', file, () => server.stop());
  }
  if (against !== 'sandbox') return target(against, against);
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'sandbox.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    writeFileSync(file, JSON.parse(line) as string, { mode: 0o600 });
    break;
  }
  return target('sandbox', file, () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.stdin.end();
    return ended;
  });
}

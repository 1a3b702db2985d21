/** containerd as the node's runtime. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Place, Runtime } from './node.ts';

/** In containerd's own store: nothing is fetched. */
export const SANDBOX = 'pullpass-e2e.invalid/sandbox:1';

export function containerd({ directory, programs }: Place): Runtime {
  const socket = path.join(directory, 'containerd.sock');
  const file = path.join(directory, 'containerd.toml');
  const hosts = path.join(directory, 'certs.d');
  mkdirSync(hosts);
  // TOML's strings are JSON's.
  const text = (value: string | string[]): string => JSON.stringify(value);
  writeFileSync(
    file,
    `version = 3
root = ${text(path.join(directory, 'containerd'))}
state = "/run/containerd"
[grpc]
address = ${text(socket)}
[plugins."io.containerd.internal.v1.opt"]
path = ${text(path.join(directory, 'opt'))}
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = ${text(SANDBOX)}
[plugins."io.containerd.cri.v1.images".registry]
config_path = ${text(hosts)}
[plugins."io.containerd.cri.v1.runtime"]
# Root without CAP_SYS_RESOURCE may not protect processes from the OOM killer.
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ${text([programs.cni])}
conf_dir = ${text(path.join(directory, 'cni'))}
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = ${text(programs.find('runc'))}
`,
  );
  const ctr = [programs.find('ctr'), '--address', socket, '--namespace', 'k8s.io'];
  return {
    version: [programs.find('containerd'), '--version'],
    socket,
    start: [programs.find('containerd'), '--config', file],
    loadSandbox: (archive) => [...ctr, 'images', 'import', archive],
    sandbox: SANDBOX,
    hosts,
  };
}

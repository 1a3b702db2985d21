/** Where a real kube-apiserver may be: KUBEBUILDER_ASSETS, or the newest version in setup-envtest's own store. */
import { accessSync, constants, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

export interface RealApiBinaries {
  readonly apiServer: string;
  readonly etcd: string;
}

export type FoundBinaries = { readonly found: RealApiBinaries } | { readonly missing: string };

export const HOW_TO_GET =
  'no kube-apiserver and etcd found: run `go run sigs.k8s.io/controller-runtime/tools/setup-envtest@latest use`, or set KUBEBUILDER_ASSETS';

export function findBinaries(environment: NodeJS.ProcessEnv): FoundBinaries {
  const assets = environment['KUBEBUILDER_ASSETS'];
  for (const directory of assets === undefined ? stored(environment) : [assets]) {
    const binaries = { apiServer: path.join(directory, 'kube-apiserver'), etcd: path.join(directory, 'etcd') };
    if (executable(binaries.apiServer) && executable(binaries.etcd)) return { found: binaries };
  }
  return { missing: HOW_TO_GET };
}

/** The directories `<version>-<os>-<arch>` of setup-envtest's store, newest version first. */
function stored(environment: NodeJS.ProcessEnv): string[] {
  const data = environment['XDG_DATA_HOME'] ?? path.join(homedir(), '.local', 'share');
  const store = path.join(data, 'kubebuilder-envtest', 'k8s');
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  return entries(store)
    .filter((name) => name.endsWith(`-${process.platform}-${architecture}`))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => path.join(store, name));
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

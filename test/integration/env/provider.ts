/** A provider on a cluster of the tests: as its own ServiceAccount, with exactly the rights that are printed for it. */
import { KubeConfig } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { renderProviderRbac } from '../../../src/commands/rbac-text.ts';
import { providerSchema } from '../../../src/config/provider.ts';
import type { ProviderConfig } from '../../../src/config/provider.ts';
import { createClient } from '../../../src/kube/client.ts';
import { connect } from '../../../src/kube/connection.ts';
import { paths } from '../../../src/kube/paths.ts';
import { createLog } from '../../../src/log.ts';
import { runProvider } from '../../../src/provider/provider.ts';
import type { ProviderOptions } from '../../../src/provider/provider.ts';
import type { ApiServer } from './api-server.ts';
import { CONTROLLER_NAMESPACE } from './cluster.ts';
import type { Cluster } from './cluster.ts';

const ACCOUNT = { namespace: CONTROLLER_NAMESPACE, name: 'pullpass-provider' };

export interface Provider {
  /** Every line it logged, parsed. */
  readonly logs: Record<string, unknown>[];
  metrics(): Promise<string>;
  /** `status text` of a probe. */
  probe(path: '/livez' | '/readyz'): Promise<string>;
  stop(): Promise<void>;
}

export const providerConfig = (name: string, ask: object): ProviderConfig =>
  providerSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Provider',
    secret: { namespace: CONTROLLER_NAMESPACE, name },
    ask,
  });

export async function startProvider(
  server: ApiServer,
  { admin }: Cluster,
  config: ProviderConfig,
  options: Pick<ProviderOptions, 'folder' | 'timings'> & { variables?: Readonly<Record<string, string>> },
): Promise<Provider> {
  const text = renderProviderRbac(config, { namespace: ACCOUNT.namespace, serviceAccount: ACCOUNT.name });
  const rbac = parseAllDocuments(text).map((document) => document.toJS() as { kind: string });
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: ACCOUNT };
  const apply = (path: string, body: object): Promise<unknown> =>
    admin.patch(path, 'application/apply-patch+yaml', body, { query: { fieldManager: 'test', force: true } });
  await apply(paths.serviceAccounts(ACCOUNT.namespace, ACCOUNT.name), account);
  for (const object of rbac)
    await apply(
      `/apis/rbac.authorization.k8s.io/v1/namespaces/${ACCOUNT.namespace}/${object.kind.toLowerCase()}s/${ACCOUNT.name}`,
      object,
    );
  const kubeconfig = new KubeConfig();
  kubeconfig.loadFromString(await server.kubeconfigFor(ACCOUNT));
  const connection = connect(kubeconfig);
  const stop = new AbortController();
  const logs: Record<string, unknown>[] = [];
  const { promise: listening, resolve } = Promise.withResolvers<string | undefined>();
  const running = runProvider(
    {
      client: createClient(connection),
      config,
      folder: options.folder,
      variable: (name) => options.variables?.[name],
      identity: 'test',
      address: '127.0.0.1:0',
      log: createLog('debug', { write: (line: string) => void logs.push(JSON.parse(line) as Record<string, unknown>) }),
      timings: options.timings ?? {},
      onListening: resolve,
    },
    stop.signal,
  );
  const url = await listening;
  const get = async (path: string): Promise<Response> => fetch(`${url}${path}`);
  return {
    logs,
    metrics: async () => (await get('/metrics')).text(),
    async probe(path) {
      const answer = await get(path);
      return `${answer.status} ${(await answer.text()).trim()}`;
    },
    async stop() {
      stop.abort();
      await running;
      await connection.close();
    },
  };
}

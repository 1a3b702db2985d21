/** Observations of clusters: in order unless a test says otherwise. */
import { createContentReader } from '../../src/audit/observe/secret-facts.ts';
import type {
  AuditedSource,
  ListedSecret,
  Observation,
  PullContent,
  PullFailure,
  PullSecret,
  PullSecrets,
  Workload,
} from '../../src/audit/observe/observation.ts';
import type { ObservedScope } from '../../src/plan/observed.ts';
import { factSteps } from '../../src/audit/facts/facts.ts';
import { findingSteps } from '../../src/audit/rules/all.ts';
import { inOneGo } from '../../src/async/steps.ts';
import { account, copy, namespace, scope, source } from '../plan/observations.ts';

export const NOW = Date.parse('2026-03-01T12:00:00Z');
export const HUB_KEY = 'https://index.docker.io/v1/';

const read = createContentReader((text) => `digest of ${Buffer.from(text).toString('base64')}`);

/** What kubelets read from a pull Secret with these logins; the username is `robot`, unless the value has a colon. */
export function content(logins: Record<string, string>): PullContent {
  const auths = Object.fromEntries(
    Object.entries(logins).map(([key, value]) => {
      const [username = '', password = ''] = value.includes(':') ? value.split(/:(.*)/s) : ['robot', value];
      return [key, { username, password }];
    }),
  );
  return dockerConfig(JSON.stringify({ auths }));
}

export const dockerConfig = (text: string, type = 'kubernetes.io/dockerconfigjson'): PullContent =>
  read({ type, data: { '.dockerconfigjson': Buffer.from(text).toString('base64') } });

export const secret = (held: PullContent): PullSecret => ({ state: 'read', content: held });

/** By `namespace/name`. */
export function secrets(entries: Record<string, PullContent | 'missing' | 'unseen'>): PullSecrets {
  const found = new Map<string, Map<string, PullSecret>>();
  for (const [key, held] of Object.entries(entries)) {
    const [namespace = '', name = ''] = key.split(/\/(.*)/s);
    const names = found.get(namespace) ?? new Map<string, PullSecret>();
    found.set(namespace, names.set(name, typeof held === 'string' ? { state: held } : secret(held)));
  }
  return found;
}

/** A pull Secret that was found by its type. `at`: `namespace/name`. */
export function listed(at: string, held: PullContent, maker: ListedSecret['maker'] = 'unknown'): ListedSecret {
  const [namespace = '', name = ''] = at.split('/');
  return { namespace, name, maker, content: held };
}

export const HUB = content({ [HUB_KEY]: 'hub-password' });

export function auditedSource(
  parts: Partial<AuditedSource> & { config?: Parameters<typeof source>[0] } = {},
): AuditedSource {
  const observed = parts.observed ?? source();
  const { content: held = HUB, ...rest } = parts as Partial<AuditedSource>;
  const contents = new Map([[observed.digest ?? '', held]]);
  return { config: observed.config, observed, state: 'good', content: held, written: held, contents, ...rest };
}

/** A source of which nothing good was read. */
export function badSource(state: 'missing' | 'invalid' | 'unread', problem = 'does not exist'): AuditedSource {
  const observed = source({
    digest: undefined,
    read: state !== 'unread',
    problems: state === 'unread' ? [] : [`Secret pullpass-system/upstream-registry: ${problem}`],
  });
  return { config: observed.config, observed, state, contents: new Map() };
}

export function workload(parts: Partial<Workload> = {}): Workload {
  return {
    namespace: 'team-a',
    owner: { kind: 'Deployment', name: 'web' },
    serviceAccount: 'default',
    pullSecrets: ['regcred'],
    images: ['nginx:1.27'],
    pods: 2,
    example: 'web-7d4b9c6f5-x2x4z',
    isStatic: false,
    failures: [],
    ...parts,
  };
}

export function failure(parts: Partial<PullFailure> = {}): PullFailure {
  return {
    image: 'nginx:1.27',
    container: 'app',
    containerKind: 'container',
    reason: 'ImagePullBackOff',
    message: '',
    ...parts,
  };
}

/** An opted-in namespace whose copy and ServiceAccount are as they should be. */
export function goodScope(parts: Parameters<typeof scope>[0] = {}): ObservedScope {
  return scope({
    serviceAccounts: [account({ pullSecrets: ['regcred'], added: 'regcred', annotated: true })],
    copies: [copy()],
    ...parts,
  });
}

export function observation(parts: Partial<Observation> = {}): Observation {
  const sources = parts.sources ?? [auditedSource()];
  // A plan looks at the source that its scope carries: the same one.
  const scopes = (parts.scopes ?? [goodScope()]).map((each) => ({
    ...each,
    sources: sources.map(({ observed }) => observed),
  }));
  return {
    server: 'https://cluster.example:6443',
    now: NOW,
    configured: true,
    sources,
    workloads: [workload()],
    podsSeen: true,
    accountsSeen: true,
    pullSecrets: secrets({ 'team-a/regcred': HUB }),
    strayCopies: [],
    couldNotSee: [],
    ...parts,
    scopes,
  };
}

export const nothingOptedIn = (): ObservedScope => scope({ namespace: namespace({ sync: undefined }) });

export const factsOf = (audited: Observation) => inOneGo(factSteps(audited));
export const findingsOf = (audited: Observation) => inOneGo(findingSteps(factsOf(audited)));

/** `PP001 Secret team-a/regcred`, one a finding. */
export function linesOf(audited: Observation): string[] {
  return findingsOf(audited).map(
    ({ rule, object }) =>
      `${rule} ${object.kind} ${object.namespace === undefined ? '' : `${object.namespace}/`}${object.name}`,
  );
}

/** What a hostile tenant does in one of its namespaces, again and again: each act gets the number of its round. */
import type { KubeClient } from '../../src/kube/client.ts';
import { paths } from '../../src/kube/paths.ts';
import { HOSTILE } from '../audit/hostile.ts';

const SYNC = 'pullpass.dev/sync';
const ADDED = 'pullpass.dev/added-pull-secrets';
const MERGE = 'application/merge-patch+json';
const APPLY = 'application/apply-patch+yaml';
const DOCKER = 'kubernetes.io/dockerconfigjson';
/** An object may have 256 KiB of annotations, a Secret 1 MiB. */
const LARGE = 250 * 1024;
const HOSTILE_KEY = 'mallory.example/x';
const SECRET_LIMIT = 1024 * 1024;

/** Of how many accounts Pullpass tells one by one what is wrong. */
const TOLD = 20;

interface Ground {
  client: KubeClient;
  namespace: string;
  copies: readonly string[];
  accounts: number;
}

export function attacks({
  client,
  namespace,
  copies,
  accounts,
}: Ground): Record<string, (round: number) => Promise<unknown>> {
  const account = (n: number): string => accountName(n % accounts);
  const copy = (n: number): string => copies[n % copies.length] ?? '';
  const annotate = (path: string, annotations: Record<string, string | null>): Promise<unknown> =>
    client.patch(path, MERGE, { metadata: { annotations } });

  /** One after the other is made anew, with another UID. */
  async function renewAccount(round: number): Promise<void> {
    const name = account(round);
    await client.delete(paths.serviceAccounts(namespace, name)).catch(() => undefined);
    await client.create(paths.serviceAccounts(namespace), brokenAccount(name, round));
  }

  /** Those that are told one by one; each is made anew before it has had its share of Events. */
  async function flipAccounts(round: number): Promise<void> {
    await Promise.all(
      Array.from({ length: TOLD }, async (_, n) => {
        const path = paths.serviceAccounts(namespace, `a-${n}`);
        if (round % 20 === 0) {
          await client.delete(path).catch(() => undefined);
          await client.create(paths.serviceAccounts(namespace), brokenAccount(`a-${n}`, 0));
        }
        await annotate(path, { [SYNC]: `${round} ${HOSTILE}` });
      }),
    );
  }

  async function makeSecret(round: number): Promise<void> {
    const name = copy(round);
    await client.delete(paths.secrets(namespace, name)).catch(() => undefined);
    await client.create(paths.secrets(namespace), brokenSecret(name, round));
  }

  async function pinCopy(round: number): Promise<void> {
    const path = paths.secrets(namespace, copy(round));
    await client.create(paths.secrets(namespace), brokenSecret(copy(round), round)).catch(() => undefined);
    const pins = [{ immutable: true }, { metadata: { finalizers: ['mallory.example/keep'] } }];
    await client.patch(path, MERGE, pins[round % pins.length] ?? {});
    await client.delete(path);
    await client.patch(path, MERGE, { metadata: { finalizers: null } }).catch(() => undefined);
  }

  /** A manager each, with fields of its own: the record of who wrote what grows larger than the object. */
  const manage = (round: number): Promise<unknown> =>
    client.patch(
      paths.serviceAccounts(namespace, 'default'),
      APPLY,
      {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: 'default', annotations: { [`mallory.example/a-${round % 200}`]: `${round}` } },
      },
      { query: { fieldManager: `mallory-${round % 200}`, force: true } },
    );

  const forgeEvent = (round: number): Promise<unknown> =>
    client.create(paths.events(namespace), {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: `forged-${round}`, namespace },
      eventTime: new Date().toISOString().replace('Z', '000Z'),
      reportingController: 'pullpass.dev/controller',
      reportingInstance: 'forged',
      action: 'Reconcile',
      reason: ['SourceInvalid', 'OptInDenied', 'WriteRefused'][round % 3],
      type: 'Warning',
      note: HOSTILE,
      regarding: { apiVersion: 'v1', kind: 'Namespace', name: namespace, namespace },
    });

  async function runPod(round: number): Promise<void> {
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    const name = `pod-${round}`;
    const image = `registry.corp/${HOSTILE}`;
    const containers = Array.from({ length: 5 }, (_, i) => ({
      name: `c-${i}`,
      image: i === 0 ? image : `e.test/${i}:${round}`,
    }));
    await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers } });
    const waiting = { reason: 'ImagePullBackOff', message: HOSTILE.repeat(20) };
    const containerStatuses = containers.map((each) => ({
      ...each,
      imageID: '',
      ready: false,
      restartCount: 0,
      state: { waiting },
    }));
    await client.patch(`${pods}/${name}/status`, MERGE, { status: { phase: 'Pending', containerStatuses } });
    if (round >= 50) await client.delete(`${pods}/pod-${round - 50}`);
  }

  return {
    'renew accounts': renewAccount,
    'flip accounts': flipAccounts,
    'flip the namespace': (round) => annotate(paths.namespaces(namespace), flipOf(round)),
    'make Secrets': makeSecret,
    'delete copies': (round) => client.delete(paths.secrets(namespace, copy(round))),
    'pin copies': pinCopy,
    'take references': (round) =>
      client.patch(paths.serviceAccounts(namespace, 'default'), MERGE, {
        imagePullSecrets: [null, [], [{ name: 'mine' }], [{}]][round % 4],
      }),
    'pin accounts': (round) =>
      client.patch(paths.serviceAccounts(namespace, account(round % 10)), MERGE, {
        metadata: { finalizers: round % 20 < 10 ? ['mallory.example/keep'] : null },
      }),
    'manage fields': manage,
    'forge Events': forgeEvent,
    'run pods': runPod,
  };
}

export const accountName = (n: number): string => `sa-${n}`;

/**
 * What is kept of an account has its greatest length, is far longer, or says what is not so. Little of it is told: that is left
 * to those that flip.
 */
export function brokenAccount(name: string, n: number): object {
  const names = (count: number, length: number): { name: string }[] =>
    Array.from({ length: count }, (_, i) => ({ name: `${i}-${n}`.padEnd(length, 'x') }));
  const forms: { annotations: Record<string, string>; pullSecrets?: { name?: string }[] }[] = [
    { annotations: { [SYNC]: 'enabled', [HOSTILE_KEY]: HOSTILE } },
    {
      annotations: { [ADDED]: `hub-copy,private-copy,${HOSTILE}` },
      pullSecrets: [{ name: 'hub-copy' }, { name: 'private-copy' }],
    },
    { annotations: { [ADDED]: `${n},`.padEnd(4_095, 'y,'), [SYNC]: 'enabled' }, pullSecrets: names(250, 15) },
    { annotations: {}, pullSecrets: names(255, 12) },
    {
      annotations: { [SYNC]: 'enabled' },
      pullSecrets: [{ name: '</script><script>alert(1)</script>' }, { name: '\u2028&<>' }, {}],
    },
    { annotations: { [SYNC]: 'disabled', [`pullpass.dev/${'z'.repeat(60)}`]: '' } },
  ];
  // A few are as large as the API server takes them.
  const huge = { annotations: { [ADDED]: `${n},`.repeat(LARGE).slice(0, LARGE) }, pullSecrets: names(10_000, 50) };
  const { annotations, pullSecrets } = (n % 100 === 99 ? huge : forms[n % forms.length]) ?? huge;
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, annotations },
    ...(pullSecrets !== undefined && { imagePullSecrets: pullSecrets }),
  };
}

/** With the labels of one owner or of several, of every type, small and as large as may be. */
function brokenSecret(name: string, round: number): object {
  const labels = [
    {},
    { 'pullpass.dev/source': 'hub' },
    { 'pullpass.dev/source': 'private' },
    { 'pullpass.dev/source': 'hub', 'pullpass.dev/cache-proxy': 'cache', 'pullpass.dev/role': 'state' },
    { 'pullpass.dev/role': 'state', 'app.kubernetes.io/managed-by': 'pullpass' },
  ];
  const auths = { [HOSTILE]: { auth: 'bWFsbG9yeTptYWxsb3J5' } };
  const config = Buffer.from(JSON.stringify({ auths })).toString('base64');
  const contents = [
    { type: DOCKER, data: { '.dockerconfigjson': config } },
    {
      type: 'Opaque',
      data: { x: Buffer.alloc(round % 16 === 1 ? SECRET_LIMIT - 1_000 : 1_000, round).toString('base64') },
    },
    { type: 'kubernetes.io/dockercfg', data: { '.dockercfg': Buffer.from('{}').toString('base64') } },
    { type: 'kubernetes.io/basic-auth', data: {} },
    { type: HOSTILE, data: {} },
  ];
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      labels: labels[round % labels.length],
      annotations: { 'pullpass.dev/adopt': round % 2 === 0 ? 'true' : HOSTILE },
    },
    ...contents[Math.floor(round / labels.length) % contents.length],
  };
}

function flipOf(round: number): Record<string, string | null> {
  const globs = Array.from({ length: 300 }, (_, i) => `*${'a*'.repeat(20)}${i}b`).join();
  const all = { [SYNC]: 'enabled', 'pullpass.dev/sources': null, 'pullpass.dev/service-accounts': '*', large: null };
  const flips = [
    all,
    { ...all, 'pullpass.dev/sources': 'hub,private' },
    { ...all, 'pullpass.dev/sources': `${round},${HOSTILE}` },
    { ...all, 'pullpass.dev/service-accounts': globs },
    { ...all, [SYNC]: `${round} ${HOSTILE}` },
    { ...all, large: 'x'.repeat(LARGE / 2) },
    { ...all, [SYNC]: 'disabled' },
  ];
  // Opted in most of the time: otherwise nothing of it is told.
  return flips[round % 3 === 2 ? Math.floor(round / 3) % flips.length : 0] ?? all;
}

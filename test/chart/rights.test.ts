/** `helm template`, the manifests and `pullpass rbac` give the same rights, NetworkPolicy and policy for new pods. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse as parseYaml, stringify } from 'yaml';
import { renderBornReady } from '../../src/commands/born-ready-text.ts';
import { renderNetworkPolicy } from '../../src/commands/network-policy-text.ts';
import { renderRbac } from '../../src/commands/rbac-text.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { byLabel, clusterWide } from '../../src/plan/listed-rights.ts';
import { rightsInCluster } from '../../src/plan/rights.ts';
import { documents, documentWith, KINDS, read } from '../config/arbitraries.ts';
import type { Document } from '../config/arbitraries.ts';
import { findRealApi, startRealApi } from '../integration/env/real-api.ts';
import type { ApiServer } from '../integration/env/api-server.ts';
import { rawClient } from '../integration/env/raw-client.ts';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import { onEachHelm, parse } from './helm.ts';
import type { Helm, Manifest } from './helm.ts';

const MANIFESTS = path.resolve(import.meta.dirname, '../../manifests');
const SHIPPED = parseYaml(readFileSync(path.join(MANIFESTS, 'config.yaml'), 'utf8')) as Document;

interface Choice {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly secureReport: boolean;
  readonly ports: readonly number[];
  /** Undefined: the whole cluster. */
  readonly namespaces: readonly string[] | undefined;
}
const PLAIN: Choice = {
  namespace: 'pullpass-system',
  serviceAccount: 'pullpass',
  secureReport: false,
  ports: [],
  namespaces: undefined,
};
const choices: fc.Arbitrary<Choice> = fc.record({
  namespace: fc.constantFrom('pullpass-system', 'elsewhere'),
  serviceAccount: fc.constantFrom('pullpass', 'runner'),
  secureReport: fc.boolean(),
  ports: fc.subarray([3128, 80, 5000]),
  namespaces: fc.option(fc.subarray(['team-a', 'team-b', 'registry-cache'], { minLength: 1 }), { nil: undefined }),
});

/** The chart adds defaults of its own where a configuration has none: they are taken out. */
const asValue = ({ apiVersion: _, kind: __, schedules, ...document }: Document): Document => ({
  cacheProxies: null,
  schedules: { resync: null, probe: null, audit: null, timeZone: null, ...(schedules as object | undefined) },
  ...document,
});
const valuesOf = (document: Document, { serviceAccount, secureReport, ports, namespaces }: Choice): object => ({
  config: asValue(document),
  serviceAccount: { name: serviceAccount },
  report: { secure: secureReport },
  bornReady: { enabled: namespaces === undefined },
  networkPolicy: { enabled: true, ports },
  ...(namespaces && { namespaces }),
});

/** Of the chart alone, the objects that this test is about, without the labels of the release. */
const compared = (objects: readonly Manifest[]): Manifest[] =>
  objects
    .filter(
      ({ kind, metadata }) =>
        /^(Cluster)?Role(Binding)?$|^NetworkPolicy$|^MutatingAdmissionPolicy(Binding)?$/.test(kind) &&
        !isHook(metadata),
    )
    .map(({ metadata: { labels, annotations: _, ...metadata }, ...object }: Manifest & { metadata: Annotated }) => ({
      ...object,
      metadata: { ...metadata, labels: { component: labels?.['app.kubernetes.io/component'] ?? '' } },
    }))
    .sort((a, b) => (id(a) < id(b) ? -1 : 1));
interface Annotated {
  annotations?: Record<string, string>;
}
const isHook = (metadata: Manifest['metadata'] & Annotated): boolean =>
  metadata.annotations?.['helm.sh/hook'] !== undefined;
const id = ({ kind, metadata: { name, namespace } }: Manifest): string => `${kind} ${namespace} ${name}`;

const printed = (configuration: Configuration, choice: Choice): Manifest[] =>
  compared(
    parse(
      renderRbac(configuration, choice) +
        (choice.namespaces ? '' : renderBornReady(configuration, { namespace: choice.namespace, version: 'v1' })) +
        renderNetworkPolicy(configuration, choice),
    ),
  );
const templated = async (helm: Helm, document: Document, choice: Choice): Promise<Manifest[]> =>
  compared(await helm.template(valuesOf(document, choice), { namespace: choice.namespace }));

/** Both give the same; or, with a list of namespaces, neither gives what no namespace can. */
async function agree(helm: Helm, document: Document, choice: Choice): Promise<void> {
  const configuration = read(document);
  const beyond = choice.namespaces
    ? [...clusterWide(rightsInCluster(configuration, choice)), ...byLabel(configuration)]
    : [];
  if (beyond.length > 0) await expect(templated(helm, document, choice)).rejects.toThrow(/which no namespace has/);
  else expect(await templated(helm, document, choice)).toEqual(printed(configuration, choice));
}

onEachHelm((helm) => {
  test('the shipped configuration: as the manifests, which are as `pullpass rbac` prints them', async () => {
    const own = compared(parse(readFileSync(path.join(MANIFESTS, 'rbac.yaml'), 'utf8')));
    expect(printed(read(SHIPPED), PLAIN).filter(({ kind }) => kind.includes('Role'))).toEqual(own);
    const born = compared(parse(readFileSync(path.join(MANIFESTS, 'components/born-ready/policy.yaml'), 'utf8')));
    expect(printed(read(SHIPPED), PLAIN).filter(({ kind }) => kind.startsWith('Mutating'))).toEqual(born);
    expect(await templated(helm, SHIPPED, PLAIN)).toEqual(printed(read(SHIPPED), PLAIN));
  });

  test.each(KINDS)('a cache proxy of kind %s', async (kind) => {
    await fc.assert(
      fc.asyncProperty(documentWith([kind]), choices, async (document, choice) => {
        await agree(helm, document, choice);
      }),
      { numRuns: 3 },
    );
  });

  test('any configuration, with any values', async () => {
    await fc.assert(
      fc.asyncProperty(documents, choices, async (document, choice) => {
        await agree(helm, document, choice);
      }),
      { numRuns: 20 },
    );
  });

  test('a selector is refused with a list of namespaces, as by the commands', async () => {
    const [source] = read(SHIPPED).sources;
    const document = {
      ...SHIPPED,
      sources: [{ ...source, namespaces: { selector: { matchLabels: { env: 'prod' } } } }],
    };
    const values = valuesOf(document, { ...PLAIN, namespaces: ['team-a'] });
    await expect(helm.template(values)).rejects.toThrow('take namespaces.selector out of source');
  });

  test('a list of namespaces reaches every command, and a policy for new pods is refused with it', async () => {
    const given = valuesOf(SHIPPED, { ...PLAIN, namespaces: ['team-a', 'team-b'] });
    const objects = await helm.template({ ...given, uninstall: { prune: true } });
    expect(objects.filter(({ kind }) => kind.startsWith('Cluster'))).toEqual([]);
    const pods = objects.filter(({ kind }) => kind === 'Deployment' || kind === 'Job');
    expect(pods).toHaveLength(3);
    for (const pod of pods)
      expect(JSON.stringify(pod)).toContain('{"name":"PULLPASS_NAMESPACES","value":"team-a,team-b"}');
    const bound = objects.filter(({ metadata }) => metadata.name === 'pullpass-uninstall-as-controller');
    expect(bound.map(({ metadata }) => metadata.namespace).sort()).toEqual(['pullpass-system', 'team-a', 'team-b']);
    await expect(helm.template({ ...given, bornReady: { enabled: true } })).rejects.toThrow(
      /--born-ready --namespaces/,
    );
  });

  test('neither is there when the values say so', async () => {
    const values = { config: asValue(SHIPPED), rbac: { create: false }, networkPolicy: { enabled: false } };
    expect(compared(await helm.template(values))).toEqual([]);
  });

  test('ports, rules and peers of the values are added to the NetworkPolicy', async () => {
    const rule = { to: [{ ipBlock: { cidr: '192.0.2.0/24' } }] };
    const peer = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } };
    const values = {
      config: asValue(SHIPPED),
      networkPolicy: { enabled: true, apiServerPorts: [8443], dnsPorts: [53], egress: [rule], ingressFrom: [peer] },
    };
    const [policy] = (await helm.template(values)).filter(({ kind }) => kind === 'NetworkPolicy');
    expect(policy?.['spec']).toMatchObject({
      ingress: [{ from: [peer], ports: [{ port: 'http', protocol: 'TCP' }] }],
      egress: [
        {
          ports: [
            { port: 53, protocol: 'UDP' },
            { port: 53, protocol: 'TCP' },
          ],
        },
        {
          ports: [
            { port: 443, protocol: 'TCP' },
            { port: 8443, protocol: 'TCP' },
          ],
        },
        rule,
      ],
    });
  });
});

const real = findRealApi();
const kubectl = findOnPath('kubectl', 'see https://kubernetes.io/docs/tasks/tools/');
const missing = 'missing' in real ? real.missing : 'missing' in kubectl ? kubectl.missing : undefined;
if (missing !== undefined) test.skip(missing, () => undefined);

describe.skipIf(missing !== undefined)('on kube-apiserver', () => {
  let server: ApiServer;
  let home: string;
  beforeAll(async () => {
    if ('missing' in real) return;
    server = await startRealApi(real.found);
    home = await mkdtemp(path.join(tmpdir(), 'pullpass-chart-'));
    await writeFile(path.join(home, 'kubeconfig'), server.adminKubeconfig(), { mode: 0o600 });
    const admin = rawClient(server, server.admin);
    for (const name of ['pullpass-system', 'elsewhere', 'registry-cache', 'caches', 'team-a', 'team-b'])
      await admin.call('POST', '/api/v1/namespaces', {
        body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
      });
    admin.close();
  });
  afterAll(async () => {
    await server.stop();
    await rm(home, { recursive: true, force: true });
  });

  onEachHelm((helm) => {
    test('accepts what the chart renders, field by field', async () => {
      await fc.assert(
        fc.asyncProperty(documentWith(KINDS), choices, async (document, choice) => {
          // With a list, not every configuration has rights: above.
          const values = valuesOf(document, { ...choice, namespaces: undefined });
          const objects = (await helm.template(values, { namespace: choice.namespace })).filter(({ kind }) =>
            /^(Cluster)?Role(Binding)?$|^NetworkPolicy$|^MutatingAdmissionPolicy(Binding)?$/.test(kind),
          );
          const said = execFileSync(
            'found' in kubectl ? kubectl.found : '',
            [
              'apply',
              '--dry-run=server',
              '--validate=strict',
              '-f',
              '-',
              `--kubeconfig=${path.join(home, 'kubeconfig')}`,
            ],
            { input: objects.map((object) => stringify(object)).join('---\n'), encoding: 'utf8' },
          );
          expect(said.trim().split('\n')).toHaveLength(objects.length);
        }),
        { numRuns: 5 },
      );
    });
  });
});

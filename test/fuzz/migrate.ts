/** What tenants and other tools write, and a migration reads. */
import { migrationText } from '../../src/commands/migrate-text.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { findTools } from '../../src/migrate/find.ts';
import { TOOLS } from '../../src/migrate/model.ts';
import type { Seen } from '../../src/migrate/observed.ts';
import { planMigration } from '../../src/migrate/plan.ts';
import { printable } from '../../src/text.ts';
import { changed, workload, WORLDS } from '../migrate/worlds.ts';
import { asJson, CREDENTIAL, holds, leaks, type Parser } from './parser.ts';

/** Whatever was read, the configuration is valid, and nothing printed has the credential. */
function planned(seen: Seen): void {
  const found = findTools(seen, TOOLS);
  const plan = planMigration(seen, found, 'pullpass-system');
  if (plan.configuration !== undefined) {
    const { error } = configurationSchema.safeParse(plan.configuration);
    holds(error === undefined, `the configuration is not valid: ${error?.issues[0]?.message}`);
  }
  const text = migrationText(found, plan, []);
  holds(!leaks(text) && !leaks(JSON.stringify(plan)), 'the credential is printed');
  holds(
    text.split('\n').every((line) => printable(line) === line),
    'a control character is printed',
  );
}

export const migrateParsers: readonly Parser[] = [
  {
    name: 'annotations and arguments of other tools',
    samples: ['team-.*', 'a,b', '^kube-.*$', 'env=prod,team in (a,b)', 'default,app-[ab]*'],
    words: ['.*', '[0-9]', '\\-', '$(X)', ',', "'", '\u001b', '!'],
    read(text) {
      const short = printable(text.slice(0, 4_096));
      const key = 'reflector.v1.k8s.emberstack.com/reflection-';
      planned(
        changed(WORLDS.reflector(), 'platform/regcred', {
          annotations: { [`${key}allowed`]: 'true', [`${key}auto-enabled`]: 'true', [`${key}auto-namespaces`]: short },
        }),
      );
      planned(
        changed(WORLDS.replicator(), 'platform/regcred', {
          annotations: { 'replicator.v1.mittwald.de/replicate-to': short },
        }),
      );
      planned(
        changed(WORLDS.replicator(), 'platform/regcred', {
          annotations: { 'replicator.v1.mittwald.de/replicate-to-matching': short },
        }),
      );
      const container = {
        name: 'p',
        image: 'titansoft/imagepullsecret-patcher',
        args: [`-excluded-namespaces=${text}`, text],
        env: [
          { name: 'CONFIG_SERVICEACCOUNTS', value: text },
          { name: 'CONFIG_DOCKERCONFIGJSON', value: CREDENTIAL },
        ],
      };
      planned({ ...WORLDS.titansoft(), workloads: workload('patcher/p', { containers: [container] }) });
    },
  },
  {
    name: 'policies of Kyverno',
    samples: WORLDS.kyverno().policies.map(({ spec }) => JSON.stringify(spec)),
    words: [
      '"imagePullSecrets":',
      '"patchesJson6902":"- path: /spec/imagePullSecrets"',
      '"{{x}}"',
      'null',
      '"generate":[]',
    ],
    read(text) {
      const spec = asJson(text);
      for (const kind of ['ClusterPolicy', 'MutatingPolicy', 'GeneratingPolicy'])
        planned({
          ...WORLDS.kyverno(),
          policies: [{ kind, resource: 'policies.kyverno.io', namespace: undefined, name: 'sync-secrets', spec }],
        });
    },
  },
];

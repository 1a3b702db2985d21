/** What a tenant, a registry or a registry key may hold, everywhere where it ends up in an audit. */
import type { Observation } from '../../src/audit/observe/observation.ts';
import { account, namespace } from '../plan/observations.ts';
import { HUB, auditedSource, content, failure, goodScope, observation, secrets, workload } from './observations.ts';

/** Breaks lines, tables, HTML, Markdown, terminals and the reading direction. */
export const HOSTILE =
  'x" | <script>alert(1)</script> `code` **b** [l](https://evil.example) @everyone #1 \n\r\u001b[31mred\u0007\u202eltr\u2028 &amp; \\';

export const PASSWORD = 'pa55word-that-must-not-show';

export function hostileCluster(): Observation {
  const held = content({
    [`robot:${PASSWORD}@registry.corp/${HOSTILE}`]: PASSWORD,
    'https://index.docker.io/v1/': PASSWORD,
  });
  return observation({
    sources: [auditedSource({ content: held })],
    scopes: [
      goodScope({
        namespace: namespace({
          sync: 'enabled',
          sources: `upstream, ${HOSTILE.replaceAll(',', ' ')}`,
          serviceAccounts: `default, ${HOSTILE}`,
        }),
        serviceAccounts: [
          account({ pullSecrets: ['regcred', HOSTILE], added: 'regcred', annotated: true, sync: HOSTILE }),
        ],
      }),
    ],
    workloads: [
      workload({
        images: [HOSTILE, 'nginx'],
        failures: [
          failure({
            image: HOSTILE,
            reason: 'InvalidImageName',
            message: `https://robot:${PASSWORD}@registry.corp/ ${HOSTILE}`.replace(`robot:${PASSWORD}`, '***'),
          }),
        ],
      }),
      workload({ owner: { kind: 'Deployment', name: 'b' }, pullSecrets: [HOSTILE] }),
    ],
    strayCopies: [{ namespace: 'team-a', name: 'stray', source: HOSTILE }],
    registries: [
      { source: 'upstream', key: `robot:${PASSWORD}@registry.corp/${HOSTILE}`, state: 'refused', why: HOSTILE },
    ],
    proxies: [
      {
        name: 'p',
        kind: 'harbor',
        source: 'upstream',
        registry: 'docker.io',
        applied: false,
        done: false,
        verified: 'refused',
        why: HOSTILE,
        url: `https://robot:${PASSWORD}@harbor.corp/`,
      },
    ],
    pullSecrets: secrets({ 'team-a/regcred': HUB, [`team-a/${HOSTILE}`]: 'missing' }),
    couldNotSee: [HOSTILE],
  });
}

/** The configuration document, `kind: Configuration`. The types of the whole program come from this schema. */
import * as z from 'zod';
import { isRepository } from '../credentials/image-reference.ts';
import { cacheProxySchema } from './cache-proxies.ts';
import { copyMetadata } from './copy-metadata.ts';
import { crossCheck } from './cross-checks.ts';
import { ALLOWED, DENIED, GLOB, SERVICE_ACCOUNTS } from './glob.ts';
import { labelSelector } from './label-selector.ts';
import { dnsLabel, dnsSubdomain } from './kubernetes-names.ts';
import { LISTS } from './limits.ts';
import { registryHostName, registryKey } from './registry-names.ts';
import { isValidCron, isTimeZone } from './schedule.ts';
import { maxAge } from './times.ts';

const glob = z
  .string()
  .max(254, 'is longer than 254 characters')
  .regex(GLOB, 'is not a pattern: names with "*" and "?", and "!" in front to exclude');
const globs = z.array(glob).max(LISTS.globs);

const secretRef = z.strictObject({
  namespace: dnsLabel.describe('Namespace of the source Secret.'),
  name: dnsSubdomain.describe('Name of the source Secret.'),
});

const aliasHost = registryKey.describe('The registry key to add: host, optionally with port and path, as in `auths`.');

const alias = z.union(
  [
    z.strictObject({
      host: aliasHost,
      from: z
        .string()
        .min(1, 'is empty')
        .describe(
          'Registry key of the entry in the source whose login is used; any Docker Hub name finds the Docker Hub entry.',
        ),
    }),
    z.strictObject({
      host: aliasHost,
      login: z.strictObject({
        secret: dnsSubdomain.describe(
          'A Secret next to the source: kubernetes.io/basic-auth, or kubernetes.io/dockerconfigjson with exactly one entry.',
        ),
      }),
    }),
  ],
  'must have "host" and one of "from" (whose login in the source to use) or "login: { secret: ... }" (a login of its own)',
);

const source = z.strictObject({
  name: dnsLabel.describe('How annotations, logs and metrics call this source.'),
  secret: secretRef.describe('The one place where the credentials are kept.'),
  copyName: dnsSubdomain.describe(
    'Name of the copy in every opted-in namespace. The rights of Pullpass are limited to these names.',
  ),
  copyMetadata: copyMetadata
    .optional()
    .describe(
      'Further labels and annotations of every copy, for the tools that look at them. Those of others on a copy stay.',
    ),
  namespaces: z
    .strictObject({
      allow: globs.default([...ALLOWED]).describe('Globs of the namespaces that may opt in.'),
      deny: globs.default([...DENIED]).describe('Globs of the namespaces that may not; wins over allow.'),
      selector: labelSelector
        .optional()
        .describe('Labels that a namespace must have besides: it narrows allow and deny, and widens neither.'),
    })
    .prefault({})
    .describe('The guard: which namespaces may opt in. Annotating a namespace that it refuses has no effect.'),
  optInByDefault: z
    .boolean()
    .default(false)
    .describe('true: every admitted namespace is in, unless it says sync=disabled.'),
  serviceAccounts: globs
    .default([...SERVICE_ACCOUNTS])
    .describe('Globs of the ServiceAccounts that get the reference; "!" in front excludes.'),
  aliases: z
    .array(alias)
    .max(LISTS.aliases)
    .default([])
    .describe('Further registry keys of the copy: give a mirror host its own entry.'),
  verify: z
    .enum(['off', 'auto', 'enforce'])
    .default('auto')
    .describe(
      'Preflight: try each credential at its registry before it is spread. ' +
        'auto: a definite no holds it back, no answer does not; enforce: no answer holds it back too; off: not tried.',
    ),
  maxAge: maxAge
    .optional()
    .describe(
      'How old a login may become, such as "90d": for tokens that do not say when they end. Then it counts as ended, in metrics and audits; it stays in use.',
    ),
  canary: z
    .strictObject({
      namespaces: z
        .int()
        .min(1)
        .default(1)
        .describe('How many of the namespaces that have a copy go first, in order of their names.'),
      proxies: z
        .int()
        .min(0)
        .default(1)
        .describe('How many of its cache proxies go first, in the order of the configuration.'),
      seconds: z.int().min(1).max(86_400).default(120).describe('How long they are watched before the rest follows.'),
    })
    .optional()
    .describe('A new content goes to a few first. It stays there while pulls that worked before fail there.'),
  healing: z
    .strictObject({
      mode: z
        .enum(['dry-run', 'evict'])
        .describe('dry-run: only tells which pods it would evict, and why it leaves others alone; evict: evicts them.'),
    })
    .optional()
    .describe(
      'Evicts pods that were made before their ServiceAccount had the reference and cannot pull for want of it, so that their ' +
        'owners make them anew. Unset: nothing is evicted, and no right to do so is needed.',
    ),
  onOptOut: z
    .enum(['remove', 'retain'])
    .default('remove')
    .describe('What happens to the copy and its references when a namespace opts out.'),
});

const cron = z.string().refine(isValidCron, 'is not a cron expression, such as "*/10 * * * *"');

/** Version of the configuration's format; docs/upgrading.md says what may change in it. */
export const CONFIGURATION_API_VERSION = 'pullpass.dev/v1alpha1';

export const configurationSchema = z
  .strictObject({
    apiVersion: z.literal(CONFIGURATION_API_VERSION).describe('Version of this format.'),
    kind: z.literal('Configuration'),
    sources: z
      .array(source)
      .min(1, 'needs at least one source')
      .max(LISTS.sources)
      .describe('The Secrets that hold registry credentials, one entry each.'),
    cacheProxies: z
      .array(cacheProxySchema)
      .max(LISTS.cacheProxies)
      .default([])
      .describe(
        'Pull-through caches and mirrors that log in upstream by themselves: each is given the login of its source.',
      ),
    registries: z
      .array(
        z.strictObject({
          host: registryHostName.describe('Host with port, as in the registry key.'),
          ca: z
            .string()
            .regex(/-----BEGIN CERTIFICATE-----/, 'is not a PEM certificate')
            .optional()
            .describe('PEM certificates to trust for this registry, besides the well-known ones.'),
          plainHttp: z
            .boolean()
            .default(false)
            .describe('Ask it by http://. The login then crosses the network in the clear.'),
          repository: z
            .string()
            .refine(isRepository, 'is not a repository, such as "corp/app": lower case, without host and tag')
            .optional()
            .describe('A private repository to try logins on, where the registry opens /v2/ to anybody.'),
        }),
      )
      .max(LISTS.registries)
      .default([])
      .describe('How to reach registries for the preflight, where that is not https with a well-known certificate.'),
    retiredCopyNames: z
      .array(dnsSubdomain)
      .max(LISTS.retiredCopyNames)
      .default([])
      .describe(
        'Copy names of sources that were renamed or dropped: Pullpass removes what it left under these names, and keeps the rights to do so.',
      ),
    schedules: z
      .strictObject({
        resync: cron
          .default('*/10 * * * *')
          .describe('When everything is compared again. Costs no API request where all is in sync.'),
        probe: cron
          .default('*/15 * * * *')
          .describe('When logins and cache proxies are tried again. Only metrics and reports depend on it.'),
        audit: cron
          .optional()
          .describe(
            'When the controller audits: metrics, a line in its log, and the page /report come from it. Unset: it does not, and needs no right to list pods.',
          ),
        timeZone: z
          .string()
          .refine(isTimeZone, 'is not an IANA time zone, such as "Europe/Berlin"')
          .default('UTC')
          .describe('Time zone of the schedules.'),
      })
      .prefault({})
      .describe('Cron expressions.'),
    audit: z
      .strictObject({
        reportObject: z
          .boolean()
          .default(false)
          .describe(
            'Also as an object that dashboards know: ClusterReport "pullpass" of openreports.io, ' +
              'else ClusterPolicyReport of wgpolicyk8s.io, where one of the two is installed.',
          ),
      })
      .prefault({})
      .describe('What becomes of the audits on `schedules.audit`.'),
    paused: z
      .boolean()
      .default(false)
      .describe(
        'true: nothing is written to copies, ServiceAccounts and cache proxies, and no login is tried, until it is false again.',
      ),
    confirmRemoval: z
      .string()
      .regex(
        /^[0-9a-f]{12}$/,
        'is not a confirmation: 12 hex digits, as `pullpass plan` shows them for the configuration that they confirm',
      )
      .optional()
      .describe(
        'Confirms that this very configuration may remove copies or references from many namespaces. `pullpass plan` says when that is needed, and the value.',
      ),
  })
  // `when`: runs also on a document with other errors, so that one run lists everything.
  .superRefine(
    (document, ctx) => {
      for (const { path, message } of crossCheck(document)) ctx.addIssue({ code: 'custom', path, message });
    },
    { when: () => true },
  );

/** The validated document, defaults filled in. */
export type Configuration = z.output<typeof configurationSchema>;
export type SourceConfig = Configuration['sources'][number];
export type { CacheProxyConfig } from './cache-proxies.ts';

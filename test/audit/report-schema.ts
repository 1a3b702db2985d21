/** The schema of the report, for tests, for `-o json` consumers, and for whatever reads a stored report. */
import { UNKNOWN_REASONS } from '../../src/plan/proxy.ts';
import { z } from 'zod';
import { SEVERITIES } from '../../src/audit/rules/rule.ts';
import { REPORT_API_VERSION, REPORT_KIND } from '../../src/audit/report/report.ts';
import type { Report } from '../../src/audit/report/report.ts';

const count = z.int().min(0);
const time = z.iso.datetime();
const severity = z.enum(SEVERITIES);
const bySeverity = z.strictObject({ error: count, warning: count, info: count });
const ruleId = z.templateLiteral(['PP', z.number()]);
const accounts = z.strictObject({ selected: count, referenced: count });
const choice = z.enum(['enabled', 'default', 'not opted in', 'disabled', 'denied', 'not listed', 'bad annotation']);

export const findingSchema = z.strictObject({
  rule: ruleId,
  severity,
  object: z.strictObject({
    kind: z.string().min(1),
    namespace: z.string().min(1).exactOptional(),
    name: z.string().min(1),
  }),
  about: z.string().exactOptional(),
  message: z.string().min(1),
  remedy: z.string().min(1),
});

export const reportSchema = z.strictObject({
  apiVersion: z.literal(REPORT_API_VERSION),
  kind: z.literal(REPORT_KIND),
  generatedAt: time,
  cluster: z.strictObject({ server: z.string() }),
  configured: z.boolean(),
  only: z.array(z.string()).exactOptional(),
  summary: z.strictObject({
    findings: bySeverity,
    namespaces: count,
    optedIn: count,
    copies: z.strictObject({ inSync: count, outOfSync: count }),
    serviceAccounts: accounts,
    pods: count,
    podsFailing: count,
    images: count,
    registries: count,
  }),
  namespaces: z.array(
    z.strictObject({
      name: z.string(),
      optedIn: z.boolean(),
      why: z.union([choice, z.enum(['no configuration', 'being deleted'])]),
      sources: z.array(
        z.strictObject({
          source: z.string(),
          copyName: z.string(),
          optedIn: z.boolean(),
          why: choice,
          copy: z.enum([
            'in sync',
            'missing',
            'stale',
            'foreign',
            'unavailable',
            'source',
            'leftover',
            'retained',
            'held',
            'terminating',
            'none',
          ]),
          serviceAccounts: accounts,
        }),
      ),
      serviceAccounts: z.array(
        z.strictObject({
          name: z.string(),
          wanted: z.array(z.string()),
          missing: z.array(z.string()),
          pullSecrets: z.array(z.string()),
        }),
      ),
      pods: count,
      podsFailing: count,
      findings: bySeverity,
    }),
  ),
  sources: z.array(
    z.strictObject({
      name: z.string(),
      secret: z.string(),
      copyName: z.string(),
      state: z.enum(['good', 'missing', 'invalid', 'unread', 'held back']),
      problems: z.array(z.string()),
      registries: z.array(
        z.strictObject({
          key: z.string(),
          state: z.enum(['accepted', 'refused', 'unknown', 'untried']),
          why: z.string().exactOptional(),
          since: z.string().exactOptional(),
          expiresAt: time.exactOptional(),
          endsSoon: z.boolean().exactOptional(),
          used: z.boolean().exactOptional(),
        }),
      ),
      copies: z.strictObject({
        inSync: count,
        stale: count,
        missing: count,
        foreign: count,
        other: count,
        orphaned: count,
      }),
      rotation: z.strictObject({
        complete: z.boolean(),
        stale: count,
        copiesDone: count,
        copies: count,
        proxiesDone: count,
        proxies: count,
        timeline: z.array(
          z.strictObject({
            at: time,
            event: z.enum(['source changed', 'login accepted', 'copies', 'proxy given', 'proxy verified']),
            name: z.string().exactOptional(),
            copies: count.exactOptional(),
          }),
        ),
      }),
    }),
  ),
  registries: z.array(
    z.strictObject({
      registry: z.string().min(1),
      access: z.enum(['public', 'node', 'unknown']),
      pods: count,
      images: count,
      covered: count,
      uncovered: count,
      unknown: count,
      credentials: z.array(z.strictObject({ secret: z.string(), key: z.string(), pods: count })),
      proxies: z.array(z.string()),
      rewritten: z.strictObject({ pods: count, images: count }).exactOptional(),
      failing: count,
      uncoveredOwners: z.array(
        z.strictObject({ namespace: z.string(), kind: z.string(), name: z.string(), pods: count }),
      ),
    }),
  ),
  proxies: z.array(
    z.strictObject({
      name: z.string(),
      kind: z.string(),
      source: z.string(),
      registry: z.string(),
      applied: z.boolean(),
      appliedAt: z.string().exactOptional(),
      verified: z.enum(['verified', 'refused', 'unknown']),
      reason: z.enum(UNKNOWN_REASONS).exactOptional(),
      done: z.boolean(),
      why: z.string(),
      since: z.string().exactOptional(),
      url: z.string().exactOptional(),
    }),
  ),
  findings: z.array(findingSchema),
  rules: z.array(
    z.strictObject({
      id: ruleId,
      name: z.string().regex(/^[a-z]+(-[a-z]+)*$/),
      severity,
      title: z.string(),
      cause: z.string(),
      remedy: z.string(),
    }),
  ),
  couldNotSee: z.array(z.string()),
}) satisfies z.ZodType<Report>;

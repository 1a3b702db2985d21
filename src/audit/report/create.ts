/** Makes the report from an observation. Pure, with caches. */
import { redactKey } from '../../credentials/registry-name.ts';
import type { ObservedScope } from '../../plan/observed.ts';
import { accountSelectors } from '../../plan/selection.ts';
import { factSteps } from '../facts/facts.ts';
import type { Facts } from '../facts/facts.ts';
import { isEnding } from '../facts/expiry.ts';
import type { Finding, Severity } from '../rules/rule.ts';
import type { AuditedSource, Observation } from '../observe/observation.ts';
import { REPORT_API_VERSION, REPORT_KIND } from './report.ts';
import type { NamespaceReport, Report, SourceReport, Summary } from './report.ts';
import { countRotation } from '../facts/rotation-counts.ts';
import { inOneGo, stepwise } from '../../async/steps.ts';
import type { Steps } from '../../async/steps.ts';
import { timelineOf } from './timeline.ts';
import { fit } from '../../text.ts';
import { findingSteps, RULES } from '../rules/all.ts';
import { proxyLoginElsewhere } from '../rules/proxy-elsewhere.ts';
import type { NamespacePlan } from '../../plan/namespace-plan.ts';

export const createReport = (observation: Observation): Report => inOneGo(reportSteps(observation));

export function* reportSteps(observation: Observation): Steps<Report> {
  const facts = yield* factSteps(observation);
  const findings = concerning(facts, yield* findingSteps(facts));
  const named = new Set(findings.map(({ rule }) => rule));
  yield;
  const namespaces = yield* namespaceSteps(facts, findings);
  yield;
  const summary = yield* summarySteps(facts, findings, namespaces);
  const sources: SourceReport[] = [];
  for (const source of facts.sources) {
    yield;
    sources.push(reportSource(facts, source));
  }
  return {
    apiVersion: REPORT_API_VERSION,
    kind: REPORT_KIND,
    generatedAt: new Date(observation.now).toISOString(),
    cluster: { server: hostOf(observation.server) },
    configured: observation.configured,
    ...(observation.only && { only: observation.only }),
    ...(observation.listed && { listed: observation.listed }),
    summary,
    namespaces,
    sources,
    registries: facts.coverage,
    // A URL can contain a login.
    proxies: (facts.proxies ?? []).map(({ url, why, ...proxy }) => ({
      ...proxy,
      why: fit(why),
      ...(url !== undefined && { url: redactKey(url) }),
    })),
    findings,
    rules: RULES.filter(({ id }) => named.has(id)).map(({ category: _, check: __, ...rule }) => rule),
    couldNotSee: observation.couldNotSee.map((line) => fit(line, 600)),
  };
}

/** In an audit of some namespaces, findings on a source or cache proxy count only if one of these namespaces is opted in to it. */
function concerning({ only, plans, proxies = [] }: Facts, findings: readonly Finding[]): readonly Finding[] {
  if (only === undefined) return findings;
  const sources = new Set(
    plans.flatMap(({ standings }) => standings.filter(({ choice }) => choice.in).map(({ source }) => source)),
  );
  const caches = new Set(proxies.filter(({ source }) => sources.has(source)).map(({ name }) => name));
  // What a cache proxy made of its login is counted in these namespaces, and may well be where there is no copy.
  return findings.filter(({ rule, object: { kind, name } }) =>
    kind === 'Source'
      ? sources.has(name)
      : kind === 'CacheProxy'
        ? rule === proxyLoginElsewhere.id || caches.has(name)
        : true,
  );
}

function* summarySteps(
  { coverage, workloads, configured, sources: audited }: Facts,
  findings: readonly Finding[],
  namespaces: readonly NamespaceReport[],
): Steps<Summary> {
  // If a source could not be read, it is unknown what its copies and references should be: do not count them.
  const unread = new Set(audited.filter(({ state }) => state === 'unread').map(({ config }) => config.name));
  const standings = namespaces.flatMap(({ sources }) =>
    sources.filter(({ source, optedIn }) => optedIn && !unread.has(source)),
  );
  const inSync = standings.filter(({ copy }) => copy === 'in sync').length;
  yield;
  const images = new Set<string>();
  yield* stepwise(workloads, 2_000, (workload) => workload.images.forEach((image) => images.add(image)));
  return {
    findings: tally(findings),
    namespaces: namespaces.length,
    optedIn: configured ? namespaces.filter(({ optedIn }) => optedIn).length : 0,
    copies: { inSync, outOfSync: standings.filter(({ copy }) => copy !== 'source').length - inSync },
    serviceAccounts: {
      selected: sum(standings, ({ serviceAccounts }) => serviceAccounts.selected),
      referenced: sum(standings, ({ serviceAccounts }) => serviceAccounts.referenced),
    },
    pods: sum(workloads, ({ pods }) => pods),
    podsFailing: sum(workloads, ({ pods, failures }) => (failures.length > 0 ? pods : 0)),
    images: images.size,
    registries: coverage.length,
  };
}

function* namespaceSteps(
  { scopes, plans, workloads, configured }: Facts,
  findings: readonly Finding[],
): Steps<NamespaceReport[]> {
  const pods = Map.groupBy(workloads, ({ namespace }) => namespace);
  yield;
  const found = Map.groupBy(findings, ({ object }) =>
    object.kind === 'Namespace' ? object.name : (object.namespace ?? ''),
  );
  const reports: NamespaceReport[] = [];
  for (const [i, scope] of scopes.entries()) {
    if (i % 250 === 249) yield;
    const { name, terminating } = scope.namespace;
    const standings = plans[i]?.standings ?? [];
    const here = pods.get(name) ?? [];
    reports.push({
      name,
      optedIn: standings.some(({ choice }) => choice.in),
      why: terminating ? 'being deleted' : configured ? whyOf(standings) : 'no configuration',
      sources: standings.map(({ source, copyName, choice, copy, accounts }) => ({
        source,
        copyName,
        optedIn: choice.in,
        why: choice.why,
        copy,
        serviceAccounts: accounts,
      })),
      serviceAccounts: yield* accountSteps(scope, standings),
      pods: sum(here, (workload) => workload.pods),
      podsFailing: sum(here, (workload) => (workload.failures.length > 0 ? workload.pods : 0)),
      findings: tally(found.get(name) ?? []),
    });
  }
  return reports;
}

/** The most important reason: why it is opted in, else what needs attention. */
function whyOf(standings: NamespacePlan['standings']): NamespaceReport['why'] {
  const whys = new Set(standings.map(({ choice }) => choice.why));
  return (
    (['enabled', 'default', 'bad annotation', 'denied', 'disabled', 'not listed'] as const).find((why) =>
      whys.has(why),
    ) ?? 'not opted in'
  );
}

function* accountSteps(
  { namespace, serviceAccounts, sources }: ObservedScope,
  standings: NamespacePlan['standings'],
): Steps<NamespaceReport['serviceAccounts']> {
  const selectsFor = accountSelectors(namespace);
  const optedIn = sources
    .filter(({ config }) => standings.find(({ source }) => source === config.name)?.choice.in === true)
    .map(({ config }) => ({ copyName: config.copyName, selects: selectsFor(config) }));
  const copyNames = new Set(optedIn.map(({ copyName }) => copyName));
  const reports: NamespaceReport['serviceAccounts'][number][] = [];
  for (const [i, account] of serviceAccounts.entries()) {
    if (i % 64 === 63) yield;
    const pullSecrets = (account.pullSecrets ?? []).filter((name) => name !== '');
    const wanted = optedIn.filter(({ selects }) => selects(account)).map(({ copyName }) => copyName);
    if (wanted.length === 0 && !pullSecrets.some((name) => copyNames.has(name))) continue;
    reports.push({
      name: account.name,
      wanted,
      missing: wanted.filter((name) => !pullSecrets.includes(name)),
      pullSecrets,
    });
  }
  return reports.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function reportSource(facts: Facts, source: AuditedSource): SourceReport {
  const { config, observed, content, state } = source;
  const { plans, registries = [], heldBack = [] } = facts;
  const states = plans.flatMap(({ standings }) => standings.filter((each) => each.source === config.name));
  const countOf = (...wanted: string[]): number =>
    states.filter(({ choice, copy }) => choice.in && wanted.includes(copy)).length;
  const held = heldBack.filter((each) => each.source === config.name);
  const used = facts.usedEntries.get(source);
  const rotation = countRotation(facts, config.name);
  return {
    name: config.name,
    secret: `${config.secret.namespace}/${config.secret.name}`,
    copyName: config.copyName,
    state: held.length > 0 ? 'held back' : state,
    problems: [...observed.problems, ...held.map(({ why }) => why)].map((problem) => fit(problem)),
    registries: (content?.entries ?? []).map((entry) => {
      const tried = registries.find((each) => each.source === config.name && each.key === redactKey(entry.key));
      return {
        key: fit(redactKey(entry.key)),
        state: tried?.state ?? 'untried',
        ...(tried && { why: fit(tried.why) }),
        ...(tried?.since !== undefined && { since: tried.since }),
        ...(entry.expiresAt !== undefined && { expiresAt: new Date(entry.expiresAt).toISOString() }),
        ...(isEnding(entry, source, facts.now) && { endsSoon: true }),
        ...(used && { used: used.has(entry) }),
      };
    }),
    copies: {
      inSync: countOf('in sync'),
      stale: countOf('stale'),
      missing: countOf('missing'),
      foreign: countOf('foreign'),
      other: countOf('unavailable', 'source', 'terminating', 'blocked', 'none'),
      orphaned: states.filter(({ copy }) => copy === 'leftover' || copy === 'held').length,
    },
    rotation: {
      // The newest content is not spread while it is held back, cannot be read, or only canaries have it.
      complete:
        state === 'good' &&
        content !== undefined &&
        source.next === undefined &&
        source.fresh !== true &&
        held.length === 0 &&
        rotation.copiesDone === rotation.copies &&
        rotation.proxiesDone === rotation.proxies,
      ...rotation,
      timeline: timelineOf(facts, source),
    },
  };
}

function tally(findings: readonly Finding[]): Record<Severity, number> {
  const counts = { error: 0, warning: 0, info: 0 };
  for (const { severity } of findings) counts[severity]++;
  return counts;
}

const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((total, item) => total + of(item), 0);

const hostOf = (server: string): string => (URL.canParse(server) ? new URL(server).host : '');

/** `pullpass validate`: prints every error of a configuration with its line, or a summary and warnings. */
import { confirmationOf } from '../config/confirmation.ts';
import { matchNames } from '../config/glob.ts';
import { parseConfiguration, renderProblem } from '../config/load.ts';
import { parseProvider } from '../config/provider.ts';
import { readConfigurationText } from '../config/read-file.ts';
import type { Configuration, SourceConfig } from '../config/schema.ts';
import { admitsName, asksFor } from '../plan/selection.ts';
import { plural } from '../text.ts';
import type { Environment } from './environment.ts';
import { validateLogins } from './validate-logins.ts';
import { describeProxy } from './validate-proxies.ts';

export async function run(env: Environment, file: string): Promise<void> {
  const { text, exitCode } =
    file === '-'
      ? validateConfiguration(await env.readInput(), 'stdin')
      : validateConfiguration(await readConfigurationText(file), file);
  (exitCode === 0 ? env.writeOut : env.writeErr)(`${text}\n`);
  env.exitWith(exitCode);
}

interface Validated {
  text: string;
  exitCode: 0 | 1;
}

/** Namespaces that Kubernetes itself creates in every cluster. */
const SYSTEM_NAMESPACES = ['kube-system', 'kube-public', 'kube-node-lease'];

/** By these Argo CD knows what belongs to an application; the last one only where it tracks by label. */
const ARGO_CD_MARKS = [
  { of: 'annotations', key: 'argocd.argoproj.io/tracking-id' },
  { of: 'labels', key: 'argocd.argoproj.io/instance' },
  { of: 'labels', key: 'app.kubernetes.io/instance' },
] as const;

/**
 * Checks a configuration without a cluster; or, if the text is a Docker config or a Secret, its logins.
 *
 * @param fileName the name of the text in problems: the path as given, or `stdin`.
 * @returns what to print, without a newline at the end, and the exit status: 1 if the text has errors. Warnings do not
 * change the status.
 */
export function validateConfiguration(text: string, fileName: string): Validated {
  const logins = validateLogins(text, fileName);
  if (logins !== undefined) return logins;
  const provider = parseProvider(text, fileName);
  if (provider !== undefined) return validateProvider(provider, fileName);
  const result = parseConfiguration(text, fileName);
  if (!result.ok) return { text: result.problems.map(renderProblem).join('\n'), exitCode: 1 };
  const { configuration } = result;
  const proxies = configuration.cacheProxies.length;
  const lines = [
    `${fileName}: valid, ${plural(configuration.sources.length, 'source')}${proxies === 0 ? '' : `, ${plural(proxies, 'cache proxy', 'cache proxies')}`}`,
    ...configuration.sources.map(describeSource),
    ...configuration.cacheProxies.map(describeProxy),
    ...configurationWarnings(configuration).map((warning) => `warning: ${warning}`),
  ];
  return { text: lines.join('\n'), exitCode: 0 };
}

function validateProvider(result: NonNullable<ReturnType<typeof parseProvider>>, fileName: string): Validated {
  if (!result.ok) return { text: result.problems.map(renderProblem).join('\n'), exitCode: 1 };
  const { secret, ask } = result.document;
  const program =
    'plugin' in ask ? `plugin ${ask.plugin} for ${ask.image}` : `helper ${ask.helper} for ${ask.registries.join(' ')}`;
  return {
    text: `${fileName}: valid, a provider: Secret ${secret.namespace}/${secret.name} by ${program}`,
    exitCode: 0,
  };
}

/** Warns of what is valid but rarely intended. One line each: where, what, what to do. */
function configurationWarnings(configuration: Configuration): string[] {
  const { sources, retiredCopyNames, paused } = configuration;
  const warnings = sources.flatMap((source, index) =>
    sourceWarnings(source, sources).map(([key, warning]) => `sources[${index}].${key}: ${warning}`),
  );
  const byLabel = sources.findIndex(({ namespaces }) => namespaces.selector !== undefined);
  if (byLabel >= 0)
    warnings.push(
      `sources[${byLabel}].namespaces.selector: who may annotate a namespace may often label it, too; ` +
        'what must not get the credential belongs in "deny", or not in "allow"',
    );
  if (retiredCopyNames.length > 0) {
    warnings.push(
      `retiredCopyNames: Pullpass deletes its Secrets named ${list(retiredCopyNames)} everywhere; remove the names once they are gone`,
    );
  }
  if (paused) warnings.push('paused: nothing is written, and no rotation arrives, until it is false again');
  if (confirmationOf(configuration).given === 'another')
    warnings.push(
      'confirmRemoval: confirms another configuration than this one, and nothing here; take it out, or get the value for this one from `pullpass plan`',
    );
  return warnings;
}

function sourceWarnings(source: SourceConfig, sources: readonly SourceConfig[]): [key: string, warning: string][] {
  const warnings: [string, string][] = [];
  const { allow, deny, selector } = source.namespaces;
  if (admitsNone(source)) {
    warnings.push([
      'namespaces',
      'the guard admits no namespace, so no copy is ever made; widen "allow" or narrow "deny"',
    ]);
  }
  const system = SYSTEM_NAMESPACES.filter((namespace) => admitsName(source, namespace));
  if (system.length > 0) {
    warnings.push(['namespaces.deny', `${list(system)} may opt in; add "kube-*" unless that is meant`]);
  }
  for (const { name, secret } of sources) {
    if (secret.name !== source.copyName || !admitsName(source, secret.namespace)) continue;
    warnings.push([
      'copyName',
      `namespace "${secret.namespace}" may opt in, but there "${secret.name}" is the source Secret of "${name}"; deny that namespace or choose another name`,
    ]);
  }
  const marks = ARGO_CD_MARKS.flatMap(({ of, key }) => (source.copyMetadata?.[of]?.[key] === undefined ? [] : [key]));
  if (marks.length > 0) {
    warnings.push([
      'copyMetadata',
      `${list(marks)} can make Argo CD take each copy for a part of an application, and prune it; leave it out unless that is meant`,
    ]);
  }
  if (source.serviceAccounts.length === 0) {
    warnings.push([
      'serviceAccounts',
      'is empty, so only ServiceAccounts that a namespace or an annotation of their own names get the reference',
    ]);
  }
  if (source.onOptOut === 'retain') {
    warnings.push([
      'onOptOut',
      'a namespace that opts out keeps its copy, a credential that is no longer updated; use "remove" to clean up',
    ]);
  }
  if (source.optInByDefault && selector === undefined && allow.includes('*') && deny.length === 0) {
    warnings.push([
      'optInByDefault',
      'every namespace of the cluster gets the credential; list in "deny" those that must not',
    ]);
  }
  return warnings;
}

/** Whether the guard admits no name at all. False when in doubt: wildcards are not fully compared with wildcards. */
function admitsNone(source: SourceConfig): boolean {
  const { allow, deny } = source.namespaces;
  const allowed = allow.filter((pattern) => !pattern.startsWith('!'));
  // A list with only exclusions admits every other name.
  if (allowed.length === 0 && allow.length > 0) allowed.push('*');
  // A deny pattern without "?" that matches the text of an allow pattern matches every name that the allow pattern matches.
  const decisive = deny.some((pattern) => pattern.startsWith('!'))
    ? []
    : deny.filter((pattern) => !pattern.includes('?'));
  const denied = matchNames(decisive);
  return allowed.every((pattern) => (/[*?]/.test(pattern) ? denied(pattern) : !admitsName(source, pattern)));
}

function describeSource(source: SourceConfig): string {
  const { secret, namespaces, copyName, aliases } = source;
  const labels = asksFor(source);
  return [
    `  ${source.name}: Secret ${secret.namespace}/${secret.name}`,
    `copies "${copyName}"`,
    `namespaces ${words(namespaces.allow)}${namespaces.deny.length > 0 ? ` but not ${words(namespaces.deny)}` : ''}`,
    ...(labels === undefined ? [] : [`with labels ${labels}`]),
    source.optInByDefault ? 'in unless they opt out' : 'in when they opt in',
    `ServiceAccounts ${words(source.serviceAccounts)}`,
    ...(aliases.length > 0 ? [plural(aliases.length, 'alias', 'aliases')] : []),
  ].join(', ');
}

function words(patterns: readonly string[]): string {
  return patterns.length === 0 ? 'none' : patterns.join(' ');
}

function list(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}

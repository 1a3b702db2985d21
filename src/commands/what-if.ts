/** `pullpass audit --without-…`: whose next pull would fail if a Secret, a source or a login were gone. Writes nothing. */
import { createColors } from 'picocolors';
import { observe } from '../audit/observe/observe.ts';
import type { Observation } from '../audit/observe/observation.ts';
import { whatIf } from '../audit/report/what-if.ts';
import type { Login, WhatIf, Without } from '../audit/report/what-if.ts';
import type { Configuration } from '../config/schema.ts';
import { registryHost, redactKey } from '../credentials/registry-name.ts';
import { UserError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { agree, plural, printable, quoteList } from '../text.ts';
import { render, table } from './output.ts';
import type { Output } from './output.ts';

/** Something would fail, or could not be checked. */
const EXIT_WOULD_FAIL = 3;

interface WhatIfOptions {
  readonly client: KubeClient;
  readonly configuration: Configuration | undefined;
  readonly without: Without;
  readonly namespaces: readonly string[] | undefined;
  readonly listed: readonly string[] | undefined;
  readonly controllerNamespace: string;
  readonly output: Output;
  readonly color: boolean;
}

/** Throws UserError where what is to be gone does not exist: an answer "nothing would fail" would say nothing. */
export async function runWhatIf(options: WhatIfOptions): Promise<{ text: string; exitCode: number }> {
  const { client, configuration, without, namespaces, listed, controllerNamespace, output, color } = options;
  const observation = await observe({
    client,
    configuration,
    only: namespaces,
    listed,
    controller: { namespace: controllerNamespace, name: 'pullpass' },
    templates: true,
  });
  mustExist(without, configuration, observation);
  const { looked, changed } = whatIf(observation, without);
  const { couldNotSee } = observation;
  const count = (then: WhatIf['then']): number => changed.filter((each) => each.then === then).length;
  const summary = {
    looked,
    noLogin: count('no login'),
    unknown: count('unknown'),
    anotherLogin: count('another login'),
  };
  const data = { without, summary, images: changed.map(redacted), couldNotSee };
  return {
    text: render(output, data, () => whatIfText(data, color)),
    exitCode: summary.noLogin + summary.unknown + couldNotSee.length > 0 ? EXIT_WOULD_FAIL : 0,
  };
}

function mustExist(without: Without, configuration: Configuration | undefined, seen: Observation): void {
  if ('secret' in without) {
    const { secret, namespace } = without;
    const isThere = [...seen.pullSecrets].some(
      ([where, secrets]) => (namespace ?? where) === where && (secrets.get(secret)?.state ?? 'missing') !== 'missing',
    );
    if (
      !isThere &&
      seen.allPullSecrets?.some((each) => each.name === secret && (namespace ?? each.namespace) === each.namespace) !==
        true
    )
      throw new UserError(
        `--without-secret ${secret}: no pull Secret of that name was seen${namespace === undefined ? '' : ` in namespace ${namespace}`}, and no pod, ` +
          'template or ServiceAccount names one: check the name',
      );
  } else if (configuration === undefined) {
    throw new UserError('--without-source and --without-login need the configuration: give --config FILE');
  } else if ('source' in without) {
    const names = configuration.sources.map(({ name }) => name);
    if (!names.includes(without.source))
      throw new UserError(`--without-source ${without.source}: no source of that name; there is ${quoteList(names)}`);
  } else {
    const hosts = seen.sources.flatMap(({ content, written }) =>
      [...(content?.entries ?? []), ...(written?.entries ?? [])].map(({ key }) => registryHost(key)),
    );
    if (hosts.includes(registryHost(without.login))) return;
    const unread = seen.sources.flatMap(({ state, config }) => (state === 'unread' ? [config.name] : []));
    const why =
      unread.length > 0
        ? `source ${quoteList(unread)} could not be read`
        : `no source has a login for it; there is one for ${quoteList(hosts.map(redactKey)) || 'nothing'}`;
    throw new UserError(`--without-login ${printable(redactKey(without.login))}: ${why}`);
  }
}

const redactedLogin = ({ secret, key }: Login): Login => ({
  secret,
  ...(key !== undefined && { key: redactKey(key) }),
});
const redacted = (row: WhatIf): WhatIf => ({
  ...row,
  now: redactedLogin(row.now),
  ...(row.other && { other: redactedLogin(row.other) }),
});

interface Data {
  readonly without: Without;
  readonly summary: {
    readonly looked: number;
    readonly noLogin: number;
    readonly unknown: number;
    readonly anotherLogin: number;
  };
  readonly images: readonly WhatIf[];
  readonly couldNotSee: readonly string[];
}

function whatIfText({ without, summary, images, couldNotSee }: Data, color: boolean): string {
  const c = createColors(color);
  const { looked, noLogin, unknown, anotherLogin } = summary;
  const parts = [
    `${c.bold(`Without ${nameOf(without)}`)}, of ${plural(looked, 'workload')}: ${[
      `${plural(noLogin, 'image')} would be pulled without a login`,
      ...(unknown > 0 ? [`of ${unknown} it is unknown`] : []),
      `${anotherLogin} ${agree(anotherLogin, 'has', 'have')} another login`,
    ].join(', ')}.\n`,
  ];
  if (images.length > 0)
    parts.push(
      `${table(
        ['NAMESPACE', 'WORKLOAD', 'PULLED BY', 'IMAGE', 'LOGIN NOW', 'THEN'].map(c.dim),
        images.map((row) => [
          row.namespace,
          `${row.owner.kind}/${row.owner.name}`,
          row.by.join(', '),
          printable(row.image),
          show(row.now),
          row.then === 'another login' ? show(row.other ?? row.now) : c.red(row.then) + UNLESS[row.unless ?? 'nothing'],
        ]),
      )}\n`,
    );
  if (couldNotSee.length > 0)
    parts.push(`Could not be checked:\n${couldNotSee.map((line) => `  ${printable(line)}\n`).join('')}`);
  return parts.join('\n');
}

const UNLESS = { public: ' (unless it is public)', node: ' (unless its node has one)', nothing: '' };

const show = ({ secret, key = '(not read)' }: Login): string => printable(`${secret}: ${key}`);

function nameOf(without: Without): string {
  if ('source' in without) return `source "${without.source}"`;
  if ('login' in without) return `the login for ${printable(redactKey(without.login))}`;
  return `Secret "${without.secret}"${without.namespace === undefined ? ' in every namespace' : ` in ${without.namespace}`}`;
}

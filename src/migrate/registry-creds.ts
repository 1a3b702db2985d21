/**
 * Two programs have this name. alexellis/registry-creds copies the Secret of each ClusterPullSecret into every namespace and into every
 * ServiceAccount; its copies belong to the ClusterPullSecret, so they go when that is deleted. upmc-enterprises/registry-creds asks
 * clouds for logins, and writes them everywhere; its copies have no mark.
 */
import { isTrue, readSettings, textOf } from './settings.ts';
import type { Found, Spread } from './model.ts';
import { command } from './model.ts';
import { at } from './observed.ts';
import type { Seen, SeenContainer } from './observed.ts';
import {
  countCopies,
  noTrace,
  runnersOf,
  seenRunners,
  stopPart,
  uninstallPart,
  unknownSettings,
} from './tool-workloads.ts';
import { copyOf } from './make-source.ts';

const IGNORE = 'alexellis.io/registry-creds.ignore';

const isUpmc = ({ image }: SeenContainer): boolean => /(?:^|\/)upmc-?enterprises\//.test(image);

export function readRegistryCreds(seen: Seen): Found {
  const [alexellis, upmc] = [readAlexellis(seen), readUpmc(seen)];
  if (upmc.seen.length === 0) return alexellis;
  if (alexellis.seen.length === 0)
    return { ...upmc, gaps: [...alexellis.gaps, ...upmc.gaps], notes: [...alexellis.notes, ...upmc.notes] };
  const both = (part: 'stop' | 'rest') => ({
    why: [...new Set([...alexellis[part].why, ...upmc[part].why])],
    commands: [...alexellis[part].commands, ...upmc[part].commands],
  });
  return {
    tool: 'registry-creds',
    seen: [...alexellis.seen, ...upmc.seen],
    spreads: [...alexellis.spreads, ...upmc.spreads],
    notes: [...alexellis.notes, ...upmc.notes],
    gaps: [...alexellis.gaps, ...upmc.gaps],
    stop: both('stop'),
    rest: both('rest'),
  };
}

function readAlexellis(seen: Seen): Found {
  const runners = runnersOf(seen, 'registry-creds', (container) => !isUpmc(container));
  const gaps: string[] = [];
  const notes: string[] = [];
  const ignored = seen.namespaces
    .filter(({ annotations }) => /^(?:1|true)$/i.test(annotations[IGNORE] ?? ''))
    .map(({ name }) => name);
  const spreads = seen.clusterPullSecrets.flatMap(({ name, secret }): Spread[] => {
    const copies = seen.secrets.filter(
      (each) =>
        each.name === name && each.owners.some((owner) => owner.kind === 'ClusterPullSecret' && owner.name === name),
    );
    if (copies.length === 0) {
      notes.push(`registry-creds: ClusterPullSecret ${name} has no copy: it is left out`);
      return [];
    }
    const origin = secret && seen.secrets.find((each) => at(each) === at(secret));
    if (origin === undefined)
      gaps.push(
        `registry-creds: ClusterPullSecret ${name}: its Secret ${secret === undefined ? '(none named)' : at(secret)} was not seen among the pull Secrets`,
      );
    return [
      {
        tool: 'registry-creds',
        origin:
          origin === undefined
            ? copyOf(copies, `the Secret of ClusterPullSecret ${name} is not there`)
            : { secret: { namespace: origin.namespace, name: origin.name } },
        copies: copies.map((copy) => ({ namespace: copy.namespace, name: copy.name })),
        reach: { allow: ['*'], deny: ignored },
        accounts: ['*'],
      },
    ];
  });
  const traces = [
    ...seenRunners(runners),
    ...spreads.map(({ copies }) => `ClusterPullSecret ${copies[0]?.name ?? ''}: copies in ${countCopies(copies)}`),
  ];
  if (traces.length === 0) return noTrace('registry-creds', gaps, notes);
  const keeps = spreads.flatMap(({ origin }) => ('secret' in origin ? [origin.secret] : []));
  return {
    tool: 'registry-creds',
    seen: traces,
    spreads,
    notes,
    gaps,
    stop: stopPart('registry-creds', runners, [
      'It adds its reference to every ServiceAccount that changes. Stopped, it leaves everything.',
      'Do not delete a ClusterPullSecret yet, nor its CustomResourceDefinition: the copies belong to it, and go with it at once.',
    ]),
    rest: {
      why: uninstallPart(runners, keeps).why,
      commands: spreads.map(({ copies }) =>
        command('kubectl', 'delete', 'clusterpullsecrets.ops.alexellis.io', copies[0]?.name ?? ''),
      ),
    },
  };
}

const UPMC = {
  ecr: { flag: 'aws-secret-name' },
  dpr: { flag: 'dpr-secret-name' },
  gcr: { flag: 'gcr-secret-name' },
  acr: { flag: 'acr-secret-name' },
  skip: { flag: 'skip-kube-system', is: 'bool' },
  dprPassword: { flag: 'dpr-password', env: 'DOCKER_PRIVATE_REGISTRY_PASSWORD', is: 'credential' },
  acrPassword: { flag: 'acr-password', env: 'ACR_PASSWORD', is: 'credential' },
  ...Object.fromEntries(
    [
      'kubecfg-file',
      'kube-master-url',
      'gcr-url',
      'aws-region',
      'dpr-server',
      'dpr-user',
      'acr-url',
      'acr-client-id',
      'refresh-mins',
      'aws_assume_role',
      'token-retry-type',
      'token-retries',
      'token-retry-delay',
    ].map((flag) => [flag, { flag }]),
  ),
} as const;

const UPMC_NAMES = { ecr: 'awsecr-cred', gcr: 'gcr-secret', acr: 'acr-secret', dpr: 'dpr-secret' } as const;

const HOW = {
  ecr: 'It asks Amazon ECR for a login that lives 12 hours: let pullpass provider do that (docs/provider.md)',
  gcr: 'It asks Google for a login that lives an hour: let pullpass provider do that (docs/provider.md)',
  acr: 'It writes a login of Azure that it was given: write that with pullpass login, or let pullpass provider ask for one (docs/provider.md)',
  dpr: 'It writes the login of a registry that it was given: write it with pullpass login',
} as const;

function readUpmc(seen: Seen): Found {
  const runners = runnersOf(seen, 'registry-creds', isUpmc);
  const gaps: string[] = [];
  const spreads = runners.flatMap((runner) => {
    const { values, unknown } = readSettings(runner.container, UPMC, { wins: 'env', prefix: /^(?!)/ });
    gaps.push(...unknownSettings('registry-creds', runner, unknown));
    const skips = values.skip === undefined || isTrue(values.skip);
    return (Object.keys(UPMC_NAMES) as (keyof typeof UPMC_NAMES)[]).flatMap((cloud): Spread[] => {
      const name = values[cloud] === undefined ? UPMC_NAMES[cloud] : textOf(values[cloud]);
      if (name === undefined) {
        gaps.push(`registry-creds: the name of its Secret for ${cloud} could not be read`);
        return [];
      }
      // They have no mark: those that "default" references, as the program makes it.
      const copies = seen.secrets.filter(
        (secret) =>
          secret.name === name &&
          seen.accounts.some(
            (account) =>
              account.namespace === secret.namespace &&
              account.name === 'default' &&
              account.pullSecrets.includes(name),
          ),
      );
      if (copies.length === 0) return [];
      const origin = copyOf(copies, HOW[cloud]);
      return [
        {
          tool: 'registry-creds',
          // A login that lives for hours is worth nothing as a copy.
          origin: cloud === 'ecr' || cloud === 'gcr' ? { make: HOW[cloud], by: () => [] } : origin,
          copies: copies.map((copy) => ({ namespace: copy.namespace, name: copy.name })),
          reach: { allow: ['*'], deny: skips ? ['kube-system'] : [] },
          accounts: ['default'],
        },
      ];
    });
  });
  if (runners.length === 0) return noTrace('registry-creds');
  return {
    tool: 'registry-creds',
    seen: [
      ...seenRunners(runners),
      ...spreads.map(({ copies }) => `Secret ${copies[0]?.name ?? ''} in ${countCopies(copies)}`),
    ],
    spreads,
    notes: spreads.length === 0 ? ['registry-creds: no copy of it was seen'] : [],
    gaps,
    stop: stopPart('registry-creds', runners, [
      'It writes its Secrets and ServiceAccounts at each change of a namespace, and every hour. Stopped, it leaves everything; but its logins end after hours.',
    ]),
    rest: uninstallPart(runners, []),
  };
}

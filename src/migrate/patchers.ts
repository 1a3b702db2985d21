/**
 * imagepullsecret-patcher, of titansoft and of tamcore: one login in every namespace that is not excluded, and a reference to it in
 * ServiceAccounts, again and again. Stopped, both leave everything.
 */
import { isTrue, partsOf, readSettings, textOf } from './settings.ts';
import type { Setting, Settings } from './settings.ts';
import { globsOf, sameGlob } from './patterns.ts';
import type { Found, Origin, Place, Spread } from './model.ts';
import type { Seen, SeenContainer, SeenSecret } from './observed.ts';
import { at } from './observed.ts';
import {
  countCopies,
  nameOf,
  noTrace,
  runnersOf,
  seenRunners,
  stopPart,
  uninstallPart,
  unknownSettings,
} from './tool-workloads.ts';
import type { Runner } from './tool-workloads.ts';
import { copyOf, keyOf } from './make-source.ts';

const MANAGED = 'app.kubernetes.io/managed-by';
const APP = 'imagepullsecret-patcher';
const KEY = '.dockerconfigjson';

type Key = 'name' | 'login' | 'path' | 'accounts' | 'allAccounts' | 'excluded' | 'exclude' | 'pods';

interface Patcher {
  readonly tool: 'titansoft' | 'tamcore';
  readonly defaults: { readonly name: string; readonly excluded: string; readonly exclude: string };
  readonly settings: Readonly<Partial<Record<Key, Setting>>>;
  /** Known, and without meaning here. */
  readonly others: Readonly<Record<string, Setting>>;
}

const COMMON = {
  name: { flag: 'secretname', env: 'CONFIG_SECRETNAME' },
  login: { flag: 'dockerconfigjson', env: 'CONFIG_DOCKERCONFIGJSON', is: 'credential' },
  path: { flag: 'dockerconfigjsonpath', env: 'CONFIG_DOCKERCONFIGJSONPATH' },
  accounts: { flag: 'serviceaccounts', env: 'CONFIG_SERVICEACCOUNTS' },
  excluded: { flag: 'excluded-namespaces', env: 'CONFIG_EXCLUDED_NAMESPACES' },
} as const;

const TITANSOFT: Patcher = {
  tool: 'titansoft',
  defaults: { name: 'image-pull-secret', excluded: '', exclude: 'k8s.titansoft.com/imagepullsecret-patcher-exclude' },
  settings: { ...COMMON, allAccounts: { flag: 'allserviceaccount', env: 'CONFIG_ALLSERVICEACCOUNT', is: 'bool' } },
  others: {
    force: { flag: 'force', env: 'CONFIG_FORCE', is: 'bool' },
    debug: { flag: 'debug', env: 'CONFIG_DEBUG', is: 'bool' },
    managed: { flag: 'managedonly', env: 'CONFIG_MANAGEDONLY', is: 'bool' },
    once: { flag: 'runonce', env: 'CONFIG_RUNONCE', is: 'bool' },
    loop: { flag: 'loop-duration', env: 'CONFIG_LOOP_DURATION' },
  },
};

const TAMCORE: Patcher = {
  tool: 'tamcore',
  defaults: { name: 'global-imagepullsecret', excluded: 'kube-*', exclude: 'pborn.eu/imagepullsecret-patcher-exclude' },
  settings: {
    ...COMMON,
    exclude: { env: 'CONFIG_EXCLUDE_ANNOTATION' },
    pods: { flag: 'deletepods', env: 'CONFIG_DELETE_PODS', is: 'bool' },
  },
  others: {
    home: { flag: 'secretnamespace', env: 'CONFIG_SECRET_NAMESPACE' },
    watch: { flag: 'watchdockerconfigjsonpath', env: 'CONFIG_WATCH_DOCKERCONFIGJSONPATH', is: 'bool' },
    debug: { env: 'CONFIG_DEBUG', is: 'bool' },
    workers: { flag: 'max-concurrent-reconciles', env: 'CONFIG_MAX_CONCURRENT_RECONCILES' },
    metrics: { flag: 'metrics-bind-address' },
    health: { flag: 'health-probe-bind-address' },
    elect: { flag: 'leader-elect', is: 'bool' },
    secure: { flag: 'metrics-secure', is: 'bool' },
    procs: { flag: 'no-auto-maxprocs', is: 'bool' },
    limit: { flag: 'no-auto-memlimit', is: 'bool' },
    ratio: { flag: 'auto-memlimit-ratio' },
    development: { flag: 'zap-devel', is: 'bool' },
    encoder: { flag: 'zap-encoder' },
    level: { flag: 'zap-log-level' },
    stack: { flag: 'zap-stacktrace-level' },
    time: { flag: 'zap-time-encoding' },
  },
};

/** Both have the same name of image; a mirror drops whose it is, but not how it is configured. */
const isTamcore = ({ image, args, env }: SeenContainer): boolean =>
  image.includes('tamcore/') ||
  (!image.includes('titansoft') &&
    (env.some(({ name }) =>
      /^CONFIG_(?:DELETE_PODS|WATCH_|MAX_CONCURRENT|SECRET_NAMESPACE|EXCLUDE_ANNOTATION)/.test(name),
    ) ||
      args.some((arg) => /^--?(?:leader-elect|secretnamespace|deletepods|watchdockerconfigjsonpath)\b/.test(arg))));

export const readTitansoft = (seen: Seen): Found =>
  readPatcher(
    seen,
    TITANSOFT,
    runnersOf(seen, APP, (container) => !isTamcore(container)),
    isTitansoftCopy,
  );
export const readTamcore = (seen: Seen): Found =>
  readPatcher(seen, TAMCORE, runnersOf(seen, APP, isTamcore), isTamcoreCopy);

/** Both mark their copies by an annotation; newer ones of tamcore have a label of the same name, too. */
const isMarked = ({ annotations }: SeenSecret): boolean => annotations[MANAGED] === APP;
const isTamcoreCopy = (secret: SeenSecret): boolean => isMarked(secret) && secret.labels[MANAGED] === APP;
const isTitansoftCopy = (secret: SeenSecret): boolean => isMarked(secret) && secret.labels[MANAGED] !== APP;

function readPatcher(
  seen: Seen,
  patcher: Patcher,
  runners: readonly Runner[],
  isOwn: (secret: SeenSecret) => boolean,
): Found {
  const { tool } = patcher;
  const gaps: string[] = [];
  const notes: string[] = [];
  const spreads = runners.flatMap((runner) => spreadOf(seen, patcher, runner, { gaps, notes }));
  const known = new Set(spreads.flatMap(({ copies }) => copies.map(at)));
  // Copies of one that nothing runs any more, or that runs where it was not seen.
  const orphans = Map.groupBy(
    seen.secrets.filter((secret) => isOwn(secret) && !known.has(at(secret)) && spreads.length === 0),
    ({ name }) => name,
  );
  for (const [, of] of orphans) {
    gaps.push(`${tool}: its copies were seen, and no workload with its image: what it is told could not be read`);
    spreads.push({
      tool,
      origin: copyOf(of, `what ${tool} reads is not known`),
      copies: of.map(({ namespace, name }) => ({ namespace, name })),
      reach: { allow: undefined, deny: [] },
      accounts: undefined,
    });
  }
  const traces = [
    ...seenRunners(runners),
    ...spreads.map(({ copies }) => `Secret ${copies[0]?.name ?? ''} in ${countCopies(copies)}`),
  ];
  if (traces.length === 0) return noTrace(tool, gaps, notes);
  const keeps = spreads.flatMap(({ origin }) => ('secret' in origin ? [origin.secret] : []));
  return {
    tool,
    seen: traces,
    spreads,
    notes,
    gaps,
    stop: stopPart(tool, runners, [
      'It patches ServiceAccounts and writes its Secrets again and again: what is removed while it runs comes back. Stopped, it leaves everything.',
    ]),
    rest: uninstallPart(runners, keeps),
  };
}

function spreadOf(
  seen: Seen,
  patcher: Patcher,
  runner: Runner,
  { gaps, notes }: { gaps: string[]; notes: string[] },
): Spread[] {
  const { tool, defaults } = patcher;
  const { values, unknown } = readSettings(
    runner.container,
    { ...patcher.others, ...patcher.settings },
    { wins: 'flag', prefix: /^CONFIG_/ },
  ) as Settings<Key>;
  gaps.push(...unknownSettings(tool, runner, unknown));
  const text = (key: Key, otherwise: string): string | undefined => {
    const value = values[key];
    if (value === undefined) return otherwise;
    if (textOf(value) === undefined)
      gaps.push(`${tool}: ${nameOf(runner.workload)}: ${key} could not be read: it comes from elsewhere`);
    return textOf(value);
  };
  const name = text('name', defaults.name);
  const copies = seen.secrets.filter((secret) => secret.name === name && isMarked(secret));
  if (name === undefined) return [];
  if (copies.length === 0) {
    notes.push(
      `${tool}: ${nameOf(runner.workload)} would keep Secret ${name} in every namespace, and none was seen: it is left out`,
    );
    return [];
  }
  if (isTrue(values.pods))
    notes.push(
      `${tool}: it deletes pods that cannot pull (deletepods); Pullpass does that only if you ask for it: see docs/healing.md`,
    );
  const accounts = isTrue(values.allAccounts) ? ['*'] : globsOf(partsOf(text('accounts', 'default')), sameGlob);
  if (accounts === undefined)
    gaps.push(`${tool}: not all of its ServiceAccounts can be said as globs: those that have the reference are named`);
  const excluded = partsOf(text('excluded', defaults.excluded));
  const globs = excluded.flatMap((pattern) => sameGlob(pattern) ?? []);
  if (globs.length < excluded.length) gaps.push(`${tool}: not all of its excluded namespaces can be said as globs`);
  const annotation = text('exclude', defaults.exclude) ?? defaults.exclude;
  const marked = seen.namespaces
    .filter(({ annotations }) => annotations[annotation] === 'true')
    .map((namespace) => namespace.name);
  if (marked.length > 0)
    notes.push(
      `${tool}: namespaces with ${annotation} are denied by name; from now on pullpass.dev/sync=disabled keeps a namespace out`,
    );
  return [
    {
      tool,
      origin: originOf(seen, values, { runner, copies, tool }),
      copies: copies.map((secret) => ({ namespace: secret.namespace, name: secret.name })),
      reach: { allow: ['*'], deny: [...globs, ...marked] },
      accounts,
    },
  ];
}

function originOf(
  { secrets }: Seen,
  { login, path }: Settings<Key>['values'],
  {
    runner: { container, workload },
    copies,
    tool,
  }: { readonly runner: Runner; readonly copies: readonly SeenSecret[]; readonly tool: string },
): Origin {
  const { namespace } = workload;
  const kept = (name: string, key: string): Origin => {
    const place: Place = { namespace, name };
    return key === KEY && secrets.some((secret) => at(secret) === at(place))
      ? { secret: place }
      : { make: `${tool} reads key ${key} of Secret ${at(place)}, which is no pull Secret`, by: keyOf(place, key) };
  };
  if (login !== undefined && 'secret' in login) return kept(login.secret.name, login.secret.key);
  const file = textOf(path);
  for (const mount of container.mounts) {
    const folder = `${mount.path.replace(/\/$/, '')}/`;
    if (file === undefined || (mount.isFile ? file !== mount.path : !file.startsWith(folder))) continue;
    return kept(mount.secret, mount.key ?? file.slice(folder.length));
  }
  return copyOf(
    copies,
    login === undefined ? `what ${tool} reads could not be found` : `the login stands in ${nameOf(workload)} itself`,
  );
}

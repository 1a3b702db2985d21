/** Templates and pods that hold the name of an old Secret: the references of their ServiceAccount do nothing for them. */
import type { Part } from './model.ts';
import { command } from './model.ts';
import type { SeenWorkload } from './observed.ts';
import { at } from './observed.ts';
import type { PlannedSource } from './sources.ts';

const ROLLED = ['Deployment', 'StatefulSet', 'DaemonSet'];

const idOf = ({ kind, namespace, name }: Pick<SeenWorkload, 'kind' | 'namespace' | 'name'>): string =>
  `${kind} ${namespace}/${name}`;

/** `templates`: of all that are mentioned; their pods are made anew by it. */
export function mendTemplates(sources: readonly PlannedSource[]): {
  readonly part: Part;
  readonly templates: ReadonlySet<string>;
  readonly gaps: readonly string[];
} {
  const renamed = namesOf(sources);
  const templates = [
    ...new Map(sources.flatMap(({ users }) => users.templates).map((each) => [idOf(each), each])).values(),
  ];
  const isOld = (template: SeenWorkload) => (name: string) => renamed.has(at({ namespace: template.namespace, name }));
  const own = templates.filter(
    (each) =>
      each.added !== undefined && !each.pullSecrets.filter(isOld(each)).every((name) => each.added?.includes(name)),
  );
  const blind = templates.filter((each) => each.added !== undefined && !own.includes(each));
  const unclear = templates.filter((each) => each.added === undefined);
  const jobs = templates.filter(({ kind }) => kind === 'Job');
  const mended = blind.filter(({ kind }) => kind !== 'Job');
  const why = [
    ...(mended.length > 0
      ? [
          "Git's blind spot: a policy wrote these names into the live objects, so applying the manifest again leaves them.",
          'A patch does nothing if the list is another one by now. If a name comes back, a policy is left that adds it: end that first',
          '(kubectl get mutatingadmissionpolicies,mutatingwebhookconfigurations).',
        ]
      : []),
    ...own
      .filter(({ kind }) => kind !== 'Job')
      .map(
        (each) =>
          `${idOf(each)}: its manifest names ${oldNames(each, renamed)}. Take imagePullSecrets out of the manifest, or name ${newNames(each, renamed)} there.`,
      ),
    ...unclear
      .filter(({ kind }) => kind !== 'Job')
      .map(
        (each) =>
          `${idOf(each)} names ${oldNames(each, renamed)}, and who wrote it is not known: change it to ${newNames(each, renamed)} in its manifest, or here.`,
      ),
    ...(jobs.length > 0 ? [`Jobs cannot be changed; they end, or are made anew: ${jobs.map(at).join(', ')}.`] : []),
  ];
  return {
    part: { why, commands: mended.map((each) => patchOf(each, renamed)) },
    templates: new Set(templates.map(idOf)),
    gaps: unclear.map(
      (each) =>
        `${idOf(each)}: whether its manifest names ${oldNames(each, renamed)} could not be read: it has no managed fields`,
    ),
  };
}

/** From the place of an old copy to the name of the new one. */
const namesOf = (sources: readonly PlannedSource[]): ReadonlyMap<string, string> =>
  new Map(sources.flatMap(({ spread, source }) => spread.copies.map((copy) => [at(copy), source.copyName] as const)));

const oldNames = ({ namespace, pullSecrets }: SeenWorkload, renamed: ReadonlyMap<string, string>): string =>
  pullSecrets.filter((name) => renamed.has(at({ namespace, name }))).join(', ');
const newNames = ({ namespace, pullSecrets }: SeenWorkload, renamed: ReadonlyMap<string, string>): string =>
  [...new Set(pullSecrets.flatMap((name) => renamed.get(at({ namespace, name })) ?? []))].join(', ');

/** Without a list of its own, a template gets that of its ServiceAccount; a longer list keeps its other names. */
function patchOf({ kind, namespace, name, pullSecrets }: SeenWorkload, renamed: ReadonlyMap<string, string>): string {
  const path = `${kind === 'CronJob' ? '/spec/jobTemplate' : ''}/spec/template/spec/imagePullSecrets`;
  const asList = (names: readonly string[]) => names.map((each) => ({ name: each }));
  const after = [...new Set(pullSecrets.map((each) => renamed.get(at({ namespace, name: each })) ?? each))];
  const isAllOld = pullSecrets.every((each) => renamed.has(at({ namespace, name: each })));
  const patch = [
    { op: 'test', path, value: asList(pullSecrets) },
    isAllOld ? { op: 'remove', path } : { op: 'replace', path, value: asList(after) },
  ];
  return command(
    'kubectl',
    '-n',
    namespace,
    'patch',
    kind.toLowerCase(),
    name,
    '--type=json',
    '-p',
    JSON.stringify(patch),
  );
}

/** A pod keeps the list that it was born with. `mended`: whose pods are made anew already. */
export function restartPods(sources: readonly PlannedSource[], mended: ReadonlySet<string>): Part {
  const owners = [
    ...new Map(
      sources
        .flatMap(({ users }) => users.pods)
        .map(({ namespace, owner }) => [`${owner.kind} ${namespace}/${owner.name}`, { namespace, ...owner }]),
    ).values(),
  ].filter((owner) => !mended.has(`${owner.kind} ${at(owner)}`));
  if (owners.length === 0) return { why: [], commands: [] };
  const rolled = owners.filter(({ kind }) => ROLLED.includes(kind));
  const others = owners.filter(({ kind }) => !ROLLED.includes(kind));
  return {
    why: [
      'A pod keeps the list that it was born with. Restart these when it suits you, or wait until they are made anew anyway:',
      'until then, leave everything old in place.',
      ...(others.length > 0
        ? [
            `Made anew by whoever makes them: ${others
              .map(({ kind, ...place }) => `${kind} ${at(place)}`)
              .sort()
              .join(', ')}.`,
          ]
        : []),
    ],
    commands: [...Map.groupBy(rolled, ({ namespace }) => namespace)]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([namespace, of]) =>
        command(
          'kubectl',
          '-n',
          namespace,
          'rollout',
          'restart',
          ...of.map(({ kind, name }) => `${kind.toLowerCase()}/${name}`).sort(),
        ),
      ),
  };
}

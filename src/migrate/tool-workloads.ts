/** Finds what runs a tool, by its image, and how it is stopped. */
import { plural, printable } from '../text.ts';
import type { Found, Part, Place, Tool } from './model.ts';
import { command } from './model.ts';
import { at } from './observed.ts';
import type { Seen, SeenContainer, SeenWorkload } from './observed.ts';

/** Last part of an image's name, without tag and digest: a mirror changes all before it. */
const lastOf = (image: string): string => (image.split('@')[0] ?? '').split('/').at(-1)?.split(':')[0] ?? '';

/** Images of tools by the last part of their names. */
const IMAGES = ['kubernetes-reflector', 'kubernetes-replicator', 'imagepullsecret-patcher', 'registry-creds'] as const;

export const isToolImage = (image: string): boolean => (IMAGES as readonly string[]).includes(lastOf(image));

export interface Runner {
  readonly workload: SeenWorkload;
  readonly container: SeenContainer;
}

export function runnersOf(
  { workloads }: Pick<Seen, 'workloads'>,
  image: (typeof IMAGES)[number],
  isOne: (container: SeenContainer) => boolean = () => true,
): Runner[] {
  return workloads.flatMap((workload) =>
    workload.containers
      .filter((container) => lastOf(container.image) === image && isOne(container))
      .map((container) => ({ workload, container })),
  );
}

export const nameOf = ({ kind, ...place }: Pick<SeenWorkload, 'kind'> & Place): string => `${kind} ${at(place)}`;

/** Scales it to nothing; the objects stay, so this step can be taken back. */
export function stopCommands(runners: readonly Runner[]): string[] {
  return runners.flatMap(({ workload: { kind, namespace, name } }) => {
    const resource = kind.toLowerCase();
    switch (kind) {
      case 'CronJob':
        return [command('kubectl', '-n', namespace, 'patch', 'cronjob', name, '-p', '{"spec":{"suspend":true}}')];
      case 'Deployment':
      case 'StatefulSet':
        return [command('kubectl', '-n', namespace, 'scale', resource, name, '--replicas=0')];
      case 'DaemonSet':
      case 'Job':
        return [command('kubectl', '-n', namespace, 'delete', resource, name)];
    }
  });
}

/** `what`: such as "reflector". */
export function stopPart(what: string, runners: readonly Runner[], why: readonly string[]): Part {
  if (runners.length === 0)
    return { why: [`Nothing that runs ${what} was seen: find it, and stop it.`, ...why], commands: [] };
  return {
    why: [
      ...why,
      'If GitOps keeps it, set its replicas there: otherwise it is started again. Go on when its pods are gone.',
    ],
    commands: stopCommands(runners),
  };
}

/** What is no longer needed when the copies are gone. `keeps`: Secrets that became sources, and must stay. */
export function uninstallPart(runners: readonly Runner[], keeps: readonly Place[]): Part {
  const homes = new Set(runners.map(({ workload }) => workload.namespace));
  const inside = keeps.filter(({ namespace }) => homes.has(namespace));
  return {
    why: [
      'Uninstall it as it was installed (helm uninstall, or delete its manifests).',
      ...inside.map((place) => `Do not delete namespace ${place.namespace}: Secret ${at(place)} is a source now.`),
    ],
    commands: [],
  };
}

/** One line for each runner, with what it is told. */
export const seenRunners = (runners: readonly Runner[]): string[] => runners.map(({ workload }) => nameOf(workload));

export const unknownSettings = (tool: string, { workload }: Runner, unknown: readonly string[]): string[] =>
  unknown.map(
    (name) => `${tool}: ${nameOf(workload)}: the meaning of ${printable(name)} is not known, so it is not considered`,
  );

/** A tool of which nothing was found. */
export const noTrace = (tool: Tool, gaps: readonly string[] = [], notes: readonly string[] = []): Found => ({
  tool,
  seen: [],
  spreads: [],
  notes,
  gaps,
  stop: { why: [], commands: [] },
  rest: { why: [], commands: [] },
});

export const countCopies = (copies: readonly Place[]): string =>
  plural(new Set(copies.map(({ namespace }) => namespace)).size, 'namespace');

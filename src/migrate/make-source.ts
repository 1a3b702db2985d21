/** Commands that make a source out of what is there; none of them prints a credential. */
import type { Origin, Place } from './model.ts';
import { command } from './model.ts';
import type { SeenSecret } from './observed.ts';
import { at } from './observed.ts';

/** A key of a Secret becomes a source. */
export const keyOf =
  ({ namespace, name }: Place, key: string) =>
  (source: Place): readonly string[] => [
    [
      command(
        'kubectl',
        '-n',
        namespace,
        'get',
        'secret',
        name,
        '-o',
        `go-template={{index .data "${key.replaceAll(/["\\{}]/g, '')}" | base64decode}}`,
      ),
      command(
        ...['kubectl', '-n', source.namespace, 'create', 'secret', 'generic', source.name],
        ...['--type=kubernetes.io/dockerconfigjson', '--from-file=.dockerconfigjson=/dev/stdin'],
      ),
    ].join(' |\n  '),
  ];

/** One of the copies becomes the source. Whoever may write it decides what that is: the person looks first. */
export function copyOf(copies: readonly SeenSecret[], why: string): Origin {
  const logins = commonLogins(copies);
  const [first] = copies
    .filter((copy) => logins !== undefined && copy.logins === logins)
    .sort((a, b) => (at(a) < at(b) ? -1 : 1));
  if (first === undefined)
    return { make: `${why}, and no copy can be used: make it with pullpass login`, by: () => [] };
  return {
    make: `${why}. Best make it anew, with pullpass login. Otherwise take the copy ${at(first)}, if you know who may write that one`,
    by: keyOf({ namespace: first.namespace, name: first.name }, '.dockerconfigjson'),
  };
}

/** Those that most copies have: one tenant cannot decide it. */
export function commonLogins(copies: readonly Pick<SeenSecret, 'logins'>[]): string | undefined {
  const counts = [...Map.groupBy(copies, ({ logins }) => logins)].filter(([logins]) => logins !== undefined);
  return counts.sort(([a = '', x], [b = '', y]) => y.length - x.length || (a < b ? -1 : 1))[0]?.[0];
}

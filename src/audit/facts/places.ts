/** Where logins are: in sources, in Secrets that pods name, and in pull Secrets that were listed. Pure. */
import type { Observation, PullContent } from '../observe/observation.ts';

/** A content, and one place that has it. */
export interface Place {
  /** undefined: a Secret. */
  readonly source?: string;
  readonly namespace: string;
  readonly name: string;
  readonly content: PullContent;
}

/** Sources first, then Secrets, sorted; without the copies of sources, and each Secret once. */
export function placesOf({
  scopes,
  sources,
  pullSecrets,
  allPullSecrets = [],
}: Pick<Observation, 'scopes' | 'sources' | 'pullSecrets' | 'allPullSecrets'>): Place[] {
  const places = sources.flatMap(({ config: { name, secret }, content }): Place[] =>
    content === undefined ? [] : [{ source: name, ...secret, content }],
  );
  const ownContents = new Set(places.map(({ content }) => content.id));
  const ownSecrets = new Set(sources.map(({ config: { secret } }) => `${secret.namespace}/${secret.name}`));
  const seen = new Map<string, Place>();
  // A copy has no login of its own, also while it has an older content of its source.
  const copies = new Set(
    scopes.flatMap((scope) =>
      [...scope.copies.values()].filter(({ ours }) => ours).map(({ namespace, name }) => `${namespace}/${name}`),
    ),
  );
  for (const { namespace, name, maker, content } of allPullSecrets) {
    const id = `${namespace}/${name}`;
    if (maker === 'unknown' || maker === 'Helm') seen.set(id, { namespace, name, content });
    else copies.add(id);
  }
  for (const [namespace, secrets] of pullSecrets)
    for (const [name, secret] of secrets) {
      const id = `${namespace}/${name}`;
      if (secret.state === 'read' && !seen.has(id) && !copies.has(id) && !ownContents.has(secret.content.id))
        seen.set(id, { namespace, name, content: secret.content });
    }
  const others = [...seen].filter(([id]) => !ownSecrets.has(id)).sort(([a], [b]) => (a < b ? -1 : 1));
  return [...places, ...others.map(([, place]) => place)];
}

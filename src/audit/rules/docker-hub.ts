/** Rule on images of Docker Hub that are pulled without a login. */
import { DOCKER_HUB } from '../../credentials/registry-name.ts';
import type { Facts } from '../facts/facts.ts';
import type { Workload } from '../observe/observation.ts';
import { agree, plural, quoteList, some } from '../../text.ts';
import { ownerSteps } from './owners.ts';
import type { Rule } from './rule.ts';

const UNLESS = 'Where nodes pull through a mirror, or log in by themselves, this is as it should be.';

export const dockerHubAnonymous: Rule = {
  id: 'PP028',
  name: 'docker-hub-anonymous',
  category: 'Pulls',
  severity: 'info',
  title: 'Images of Docker Hub are pulled without a login',
  cause:
    'No pull secret of the pods matches images of Docker Hub, and no known cache proxy is in front of it. Docker Hub ' +
    'limits anonymous pulls by IP address: all nodes behind one address share that limit, and pulls above it fail with ' +
    '"429 Too Many Requests". Pods that another finding tells of are left out.',
  remedy: `Put a login of Docker Hub into a source and opt the namespaces in, or put a cache proxy in front. ${UNLESS}`,
  *check(facts) {
    const row = facts.coverage.find(({ registry }) => registry === DOCKER_HUB);
    if (row === undefined || row.uncovered === 0 || row.proxies.length > 0) return [];
    const owners = yield* ownerSteps(facts.managed, (workload) => anonymousOf(facts, workload));
    if (owners.length === 0) return [];
    const pods = owners.reduce((sum, owner) => sum + owner.pods, 0);
    const images = new Set(owners.flatMap(({ about }) => about.flatMap((each) => each.images)));
    const sources = [...new Set([...images].flatMap((reference) => sourcesFor(facts, reference)))];
    return [
      {
        object: { kind: 'Registry', name: DOCKER_HUB },
        message:
          `${plural(images.size, 'image')} of Docker Hub ${agree(images.size, 'is', 'are')} pulled anonymously for ` +
          `${plural(pods, 'pod')}: ${some(owners.map(({ title }) => title))}.`,
        ...remedyOf(facts, sources),
      },
    ];
  },
};

function remedyOf({ configured }: Facts, sources: readonly string[]): { remedy?: string } {
  if (!configured)
    return {
      remedy: `Give the ServiceAccounts a pull Secret with a login of Docker Hub, or put a cache proxy in front. ${UNLESS}`,
    };
  if (sources.length === 0) return {};
  const have = `${agree(sources.length, 'Source', 'Sources')} ${quoteList(sources)} ${agree(sources.length, 'has', 'have')}`;
  return {
    remedy: `${have} a login of Docker Hub: opt the namespaces in, or have the pods created anew. ${UNLESS}`,
  };
}

/** Images that kubelets pull from Docker Hub themselves, and for which they have no login. */
function anonymousOf(facts: Facts, workload: Workload): { readonly images: readonly string[] } | undefined {
  const { keys, image, account, planOf } = facts;
  const { namespace, serviceAccount, pullSecrets, images, failures, rewritten = [] } = workload;
  const own = keys.of(namespace, pullSecrets);
  const listed = keys.of(namespace, account(namespace, serviceAccount)?.pullSecrets ?? []);
  const isComing = planOf(namespace)?.writeCopies.some(({ name }) => pullSecrets.includes(name)) === true;
  if (isComing || own.unseen.length > 0 || own.broken.length > 0 || listed.unseen.length > 0) return undefined;
  const found = images.filter((reference) => {
    const parsed = image(reference);
    if (parsed?.registry !== DOCKER_HUB || rewritten.includes(reference)) return false;
    const { name } = parsed;
    // These have a finding of their own: a pull that fails, an entry without a usable login, pods without their Secret.
    const isTold =
      failures.some((failure) => failure.image === reference) ||
      own.useless(name).length > 0 ||
      listed.picks(name).length > 0;
    return own.picks(name).length === 0 && !isTold;
  });
  return found.length === 0 ? undefined : { images: found };
}

function sourcesFor({ image, sourcesFor: of }: Facts, reference: string): string[] {
  const name = image(reference)?.name;
  return name === undefined ? [] : of(name).map(({ config }) => config.name);
}

/** The rule on images whose host is no registry: a name that people take for Docker Hub's. */
import { misnamedDockerHub } from '../../credentials/registry-name.ts';
import { whyNoRegistry } from '../../credentials/image-reference.ts';
import type { Facts } from '../facts/facts.ts';
import type { Hit, Rule } from './rule.ts';
import { agree, plural, quote } from '../../text.ts';
import { ownerSteps } from './owners.ts';

/** Whether images on this host are on Docker Hub, by a name under which it does not answer. */
export const isNoRegistry = (host: string): boolean => misnamedDockerHub(host)?.dead === true && host !== 'docker.io';

export const imageOfNoRegistry: Rule = {
  id: 'PP029',
  name: 'image-of-no-registry',
  category: 'Pulls',
  severity: 'warning',
  title: 'An image names a host that is no registry',
  cause:
    'The host in the name of the image is a name that people take for the one of Docker Hub (docker.com, hub.docker.com): no ' +
    'registry answers there, and no login for Docker Hub is used for it.',
  remedy: 'Correct the name of the image: docker.io, the repository and the tag, as in docker.io/library/nginx:1.',
  *check(facts) {
    if (!facts.coverage.some(({ registry }) => isNoRegistry(registry))) return [];
    const owners = yield* ownerSteps(facts.workloads, ({ images }) => {
      const wrong = images.flatMap((reference) => wrongWith(facts, reference) ?? []);
      return wrong.length === 0 ? undefined : { wrong };
    });
    return owners.map(({ object, title, pods, about }): Hit => {
      const [{ reference, why } = { reference: '', why: '' }] = about.flatMap(({ wrong }) => wrong);
      return {
        object,
        message: `${title}: ${plural(pods, 'pod')} ${agree(pods, 'names', 'name')} image ${quote(reference)}: ${why}.`,
        remedy: `Correct the image in the pod template of ${title}: docker.io, the repository and the tag.`,
      };
    });
  },
};

function wrongWith({ image }: Facts, reference: string): { reference: string; why: string } | undefined {
  const parsed = image(reference);
  const why = parsed === undefined ? undefined : whyNoRegistry(parsed);
  return why === undefined ? undefined : { reference, why };
}

/** A rule on copies that cannot serve a mirror of CRI-O. It speaks only where it is known that CRI-O runs. */
import { crioKeyProblem } from '../../credentials/crio-mirror.ts';
import { isDockerHub, quoteKey, redactKey } from '../../credentials/registry-name.ts';
import { agree, plural, some } from '../../text.ts';
import type { SourceConfig } from '../../config/schema.ts';
import type { Facts } from '../facts/facts.ts';
import type { Hit, Rule } from './rule.ts';

export const crioMirrorUnserved: Rule = {
  id: 'PP065',
  name: 'crio-mirror-unserved',
  category: 'Cache proxies',
  severity: 'warning',
  title: 'A copy cannot serve a mirror of CRI-O',
  cause:
    "CRI-O gets logins for mirrors from its credential provider, which lists the Secrets of a namespace with the token of the pod's " +
    "ServiceAccount, and compares keys with the mirror's location as text. Without the right to list, or with a key that it " +
    'cannot use, CRI-O asks the mirror without a login, and then pulls past it without a word. Only aliases that no image names are looked at.',
  remedy:
    "Write the alias as the mirror's location in registries.conf, and apply what `pullpass rbac --crio` prints; " +
    '`pullpass match IMAGE --runtime crio --mirror LOCATION` shows the result.',
  check({ crio, podsSeen, only, listed, sources, ...facts }): Hit[] {
    // Without all pods, an alias could be for images that were not seen.
    if (crio === undefined || crio.crio === 0 || !podsSeen || only !== undefined || listed !== undefined) return [];
    const where = `CRI-O runs on ${crio.crio} of ${plural(crio.all, 'node')}`;
    return sources.flatMap(({ config }): Hit[] => {
      const object = { kind: 'Source', name: config.name };
      const hosts = mirrorsOf(config, facts);
      const wrong = hosts.flatMap((host): Hit[] => {
        const why = crioKeyProblem(host);
        if (why === undefined) return [];
        return [
          {
            object,
            about: redactKey(host),
            message:
              `${where}. No image of any pod names alias ${quoteKey(host)} of source "${config.name}", ` +
              `and as the key of a mirror CRI-O finds no login under it: ${why}.`,
            remedy:
              "Write the alias as the mirror's location in registries.conf: HOST[:PORT][/PATH], with the port if the mirror has one.",
          },
        ];
      });
      const good = hosts.filter((host) => crioKeyProblem(host) === undefined);
      const cannot = crio.cannotList.filter((account) => account.sources.includes(config.name));
      if (good.length === 0 || cannot.length === 0) return wrong;
      const names = some(cannot.map(({ namespace, name }) => `${namespace}/${name}`));
      return [
        ...wrong,
        {
          object,
          about: 'list secrets',
          message:
            `${where}, and no image names ${agree(good.length, 'alias', 'aliases')} ${some(good.map(quoteKey))} of source "${config.name}". ` +
            `If ${agree(good.length, 'it is', 'they are')} for mirrors: ${plural(cannot.length, 'ServiceAccount')} of running pods may not list ` +
            `Secrets, so that CRI-O's credential provider finds no login for them: ${names}.`,
          remedy:
            '`pullpass rbac --crio` prints the rights, and says their price. If the nodes have the login in a file (global_auth_file), remove the alias.',
        },
      ];
    });
  },
};

/** Aliases that only a mirror can need: no image of any pod is on their host. */
function mirrorsOf({ aliases }: SourceConfig, { workloads, image }: Pick<Facts, 'workloads' | 'image'>): string[] {
  const hosts = new Set(workloads.flatMap(({ images }) => images.map((reference) => image(reference)?.registry)));
  return aliases
    .map(({ host }) => host)
    .filter((host) => !isDockerHub(host) && !hosts.has(host.replace(/^https?:\/\//, '').split('/')[0]));
}

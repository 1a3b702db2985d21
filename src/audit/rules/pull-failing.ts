/** Pulls that fail now: why, and whether a credential would have matched. */
import { quoteKey } from '../../credentials/registry-name.ts';
import { quote, quoteList } from '../../plan/problem.ts';
import type { Facts } from '../facts.ts';
import type { Hit, Rule } from '../finding.ts';
import type { PullFailure, Workload } from '../observation.ts';
import { plural } from '../words.ts';
import { byOwner, recreate } from './owners.ts';
import { classifyPullError } from './pull-error.ts';
import type { PullErrorClass } from './pull-error.ts';

export const pullFailing: Rule = {
  id: 'PP022', name: 'pull-failing', severity: 'error', title: 'Pods cannot pull an image',
  cause: 'A container waits in ErrImagePull, ImagePullBackOff or a relative of these: no or a refused login, an image that does not exist, a rate limit, or a registry that does not answer. Behind a cache proxy "not found" can mean that its upstream login was revoked.',
  remedy: 'See the line of each finding: it says what the registry answered and which credential was tried.',
  check: (facts) => facts.workloads.length === 0 ? [] : byOwner(facts.workloads, (workload) => (workload.failures.length > 0 ? {} : undefined)).flatMap(({ object, title, about }) => {
    const byImage = new Map<string, { failure: PullFailure; workload: Workload; pods: number }>();
    for (const { workload } of about) {
      for (const failure of workload.failures) {
        const known = byImage.get(failure.image);
        if (known === undefined) byImage.set(failure.image, { failure, workload, pods: workload.pods });
        else known.pods += workload.pods;
      }
    }
    return [...byImage.values()].map(({ failure, workload, pods }): Hit => {
      const kind = classifyPullError(failure.reason, failure.message);
      const tried = triedFor(facts, workload, failure.image);
      const where = failure.containerKind === 'container' ? '' : ` of ${failure.containerKind} ${quote(failure.container)}`;
      const said = failure.message === '' ? '' : ` The kubelet says: ${failure.message}`;
      const { text, remedy } = explain(kind, tried, proxiesOf(facts, failure.image), recreate(object));
      return { object, about: failure.image, message: `${title}: ${plural(pods, 'pod')} cannot pull ${quote(failure.image)}${where} (${failure.reason}): ${text}${said}`, remedy };
    });
  }),
};

/** Which credential came into play, as a clause; `then` is what helps when the login is what fails. */
interface Tried {
  readonly text: string;
  readonly then: string;
  readonly matched: boolean;
}

function triedFor({ image, keys, account, sourcesFor, planOf }: Facts, { namespace, pullSecrets, serviceAccount, isStatic }: Workload, reference: string): Tried {
  const name = image(reference)?.name;
  if (name === undefined) return { text: 'the image is no valid reference', then: 'correct the name of the image', matched: false };
  if (isStatic) return { text: 'it is a static pod, for which its node must log in', then: 'give the node a login', matched: false };
  const own = keys.of(namespace, pullSecrets);
  if (own.broken.length > 0) return { text: `pull Secret ${quoteList(own.broken)} cannot be parsed, which fails every pull`, then: 'mend that Secret', matched: false };
  const [pick] = own.picks(name);
  if (pick !== undefined) return { text: `kubelets try the credential ${quoteKey(pick.entry.key)} of Secret ${quote(pick.secret)}`, then: 'replace that credential at its source, or give its user the right to pull', matched: true };
  if (own.unseen.length > 0) return { text: `whether one of its pull Secrets matches is unknown: ${quoteList(own.unseen)} could not be read`, then: 'run `pullpass match` for the image as somebody who may read that Secret', matched: false };

  const listed = account(namespace, serviceAccount)?.pullSecrets ?? [];
  const [later] = keys.of(namespace, listed).picks(name);
  if (later !== undefined) return { text: `no pull secret of the pods matches, but Secret ${quote(later.secret)} of their ServiceAccount ${quote(serviceAccount)} would`, then: 'have the pods created anew, without pull secrets of their own', matched: false };
  const [source] = sourcesFor(name);
  if (source !== undefined) {
    const { name: sourceName } = source.config;
    const standing = planOf(namespace)?.standings.find((each) => each.source === sourceName);
    if (standing?.choice.in === true) return { text: `no pull secret of the pods matches; source "${sourceName}" has a credential, which has not reached ServiceAccount ${quote(serviceAccount)}`, then: `see that the controller runs, and that ServiceAccount ${quote(serviceAccount)} is selected (pullpass.dev/service-accounts)`, matched: false };
    const why = standing?.choice.why;
    return { text: `no pull secret of the pods matches; source "${sourceName}" has a credential, but the namespace is not opted in${why === undefined || why === 'not opted in' ? '' : ` (${why})`}`, then: `opt the namespace in: kubectl annotate namespace ${namespace} pullpass.dev/sync=enabled`, matched: false };
  }
  return { text: 'no pull secret of the pods matches, and no source has a credential for it', then: 'add a credential for this registry to a source, and opt the namespace in', matched: false };
}

function explain(kind: PullErrorClass, tried: Tried, proxies: readonly string[], remake: string): { text: string; remedy: string } {
  const once = tried.then.startsWith('have the pods created anew') ? `Have the pods created anew, without pull secrets of their own: ${remake}` : `${tried.then[0]?.toUpperCase() ?? ''}${tried.then.slice(1)}.`;
  switch (kind) {
    case 'no image name': return { text: 'the name of the image is not valid.', remedy: 'Correct the name of the image in the pod template.' };
    case 'login': return { text: tried.matched ? `the registry refuses the login; ${tried.text}.` : `the registry wants a login; ${tried.text}.`, remedy: once };
    case 'rate limit': return { text: `the registry limits how often it is asked; ${tried.text}.`, remedy: tried.matched ? 'Wait, or use an account with a higher limit, or put a cache proxy in front.' : once };
    case 'network': return { text: `the registry cannot be reached or does not work; ${tried.text}.`, remedy: 'Check DNS, the network and certificates from the node to the registry.' };
    case 'not found':
      if (proxies.length > 0) return { text: `not found, behind cache proxy ${quoteList(proxies)}; a revoked upstream login of the cache looks the same: what it holds is served, all else is "not found"; ${tried.text}.`, remedy: `Verify the upstream login of cache proxy ${quoteList(proxies)} (\`pullpass verify\`); if it works, correct the name or tag of the image.` };
      return { text: `not found; ${tried.text}.`, remedy: tried.matched ? 'Correct the name or tag of the image; some registries also say "not found" for what the login may not see.' : `Correct the name or tag of the image; if it is private: ${tried.then}.` };
    case 'other': return { text: `${tried.text}.`, remedy: tried.matched ? 'See `kubectl describe pod` for the whole error.' : `See \`kubectl describe pod\` for the whole error; if the image is private: ${tried.then}.` };
  }
}

function proxiesOf({ coverage, image }: Facts, reference: string): readonly string[] {
  const registry = image(reference)?.registry;
  return coverage.find((row) => row.registry === registry)?.proxies ?? [];
}

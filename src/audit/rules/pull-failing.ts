/** Rule on pulls that fail now: why, and whether a credential matches. */
import type { Facts } from '../facts/facts.ts';
import { KUBE_IMAGE_KEEPER } from '../facts/well-known.ts';
import type { Hit, Rule } from './rule.ts';
import type { PullFailure, Workload } from '../observe/observation.ts';
import { capital, plural, quote, quoteList, sentence } from '../../text.ts';
import { ownerSteps } from './owners.ts';
import { classifyPullError } from './pull-error.ts';
import type { PullErrorClass } from './pull-error.ts';
import { triedFor } from './tried-credential.ts';
import type { Tried } from './tried-credential.ts';

export const pullFailing: Rule = {
  id: 'PP022',
  name: 'pull-failing',
  category: 'Pulls',
  severity: 'error',
  title: 'Pods cannot pull an image',
  cause:
    'A container waits in ErrImagePull, ImagePullBackOff or a relative of these: no or a refused login, ' +
    'an image that does not exist or may not be pulled (imagePullPolicy: Never), a rate limit, or a ' +
    'registry that does not answer. Behind a cache proxy "not found" can mean that its upstream login ' +
    'was revoked.',
  remedy: 'See the line of each finding: it says what the registry answered and which credential was tried.',
  *check(facts) {
    const namespaces = new Map(facts.scopes.map(({ namespace }) => [namespace.name, namespace]));
    const owners = yield* ownerSteps(facts.workloads, ({ failures }) => (failures.length > 0 ? {} : undefined));
    return owners.flatMap(({ object, title, about }) => {
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
        const tried = triedFor(
          facts,
          { object, workload, pods, namespace: namespaces.get(workload.namespace) },
          failure.image,
        );
        const where =
          failure.containerKind === 'container' ? '' : ` of ${failure.containerKind} ${quote(failure.container)}`;
        const said = failure.message === '' ? '' : ` The kubelet says: ${sentence(failure.message)}`;
        const rewritten = workload.rewritten?.includes(failure.image) === true;
        const { text, remedy } = explain(kind, tried, rewritten ? REWRITTEN : proxiesOf(facts, failure.image));
        return {
          object,
          about: failure.image,
          message: `${title}: ${plural(pods, 'pod')} cannot pull ${quote(failure.image)}${where} (${failure.reason}): ${text}${said}`,
          remedy,
        };
      });
    });
  },
};

/** kube-image-keeper version 1 is in front: it pulls with the pull Secrets of the pods. */
const REWRITTEN = 'rewritten';

function explain(
  kind: PullErrorClass,
  { text, then, matched, wrong }: Tried,
  proxies: readonly string[] | typeof REWRITTEN,
): { text: string; remedy: string } {
  const once = capital(then);
  switch (kind) {
    case 'no image name':
      return {
        text: 'the name of the image is not valid.',
        remedy: 'Correct the name of the image in the pod template.',
      };
    case 'never pulled':
      return {
        text: 'imagePullPolicy is Never and the image is not on the node.',
        remedy: 'Load the image there, or change the policy.',
      };
    case 'login':
      return {
        text: matched ? `the registry refuses the login; ${text}.` : `the registry wants a login; ${text}.`,
        remedy: once,
      };
    case 'rate limit':
      return {
        text: `the registry limits how often it is asked; ${text}.`,
        remedy: matched ? 'Wait, or use an account with a higher limit, or put a cache proxy in front.' : once,
      };
    case 'network':
      return {
        text: `the registry cannot be reached or does not work${wrong === undefined ? '' : `; besides, ${wrong}`}.`,
        remedy: `Check DNS, the network and certificates from the node to the registry.${wrong === undefined ? '' : ` Then ${then}`}`,
      };
    case 'not found':
      if (proxies === REWRITTEN)
        return {
          text:
            `not found, behind ${KUBE_IMAGE_KEEPER}, which pulls with the pull Secrets of the pods: a refused login ` +
            `can look the same; ${text}.`,
          remedy: `Correct the name or tag of the image. If they are right: ${then}`,
        };
      if (proxies.length > 0)
        return {
          text:
            `not found, behind cache proxy ${quoteList(proxies)}; a revoked upstream login of the cache looks ` +
            `the same: what it holds is served, all else is "not found"; ${text}.`,
          remedy:
            `Verify the upstream login of cache proxy ${quoteList(proxies)} (\`pullpass verify --config FILE\`); ` +
            'if it works, correct the name or tag of the image.',
        };
      return {
        text: `not found; ${text}.`,
        remedy: matched
          ? 'Correct the name or tag of the image; some registries also say "not found" for what the login may not see.'
          : `Correct the name or tag of the image; if it is private: ${then}`,
      };
    case 'other':
      return {
        text: `${text}.`,
        remedy: matched
          ? 'See `kubectl describe pod` for the whole error.'
          : `See \`kubectl describe pod\` for the whole error; if the image is private: ${then}`,
      };
  }
}

function proxiesOf({ coverage, image }: Facts, reference: string): readonly string[] {
  const registry = image(reference)?.registry;
  return coverage.find((row) => row.registry === registry)?.proxies ?? [];
}

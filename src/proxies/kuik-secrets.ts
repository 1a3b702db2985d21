/**
 * kube-image-keeper v2 copies the Secret of a cluster-scoped object into the namespace of each pod that it reroutes. It writes the
 * copy anew only when a pod is admitted there: until then, pods that are restarted in place pull with the login before.
 */
import type { DerivedSecrets } from './adapter.ts';
import { loginIn, type LoginLookup } from './copy-login.ts';
import { elementsOf, secretNameOf, serves, type Wanted } from './kuik-elements.ts';
import { collectionPath } from './object-ref.ts';

// The label with the owner's kind names the kind without "Cluster" for both, so the UID decides.
const OWNER = 'kuik.enix.io/owner-uid';
/** Their names: the original's, with a hash of its namespace and the owner. A long name is cut. */
const NAME = /^kuik-(.+)-[0-9a-f]{16}$/;
const MOST_OF_A_NAME = 231;

export function derivedSecrets({
  kind,
  object,
  wanted: { list, host },
  lookup,
  copyNames,
}: {
  readonly kind: string;
  readonly object: string;
  readonly wanted: Wanted;
  readonly lookup: LoginLookup;
  /** Of the copies that the object names, and named. */
  readonly copyNames: readonly string[];
}): DerivedSecrets {
  const path = collectionPath({
    apiVersion: 'kuik.enix.io/v1alpha1',
    resource: `${kind.toLowerCase()}s`,
    kind,
    name: object,
  });
  return {
    what: 'Secrets that kube-image-keeper made of the copy',
    origin: `${path}/${encodeURIComponent(object)}`,
    selector: ({ metadata: { uid = '' } }) => (/^[\w-]{1,63}$/.test(uid) ? `${OWNER}=${uid}` : undefined),
    login(origin, secret) {
      const [, source = ''] = NAME.exec(secret.metadata.name) ?? [];
      // Secrets of its other registries can hold an entry for this one, too, and have nothing to do with the copy.
      const others = elementsOf(origin, list).filter((element) => !serves(element, host));
      const isOthers = others.map(secretNameOf).some((name) => typeof name === 'string' && cut(name) === source);
      return isOthers && !copyNames.some((name) => cut(name) === source) ? undefined : loginIn(secret, lookup);
    },
  };
}

const cut = (name: string): string => name.slice(0, MOST_OF_A_NAME);

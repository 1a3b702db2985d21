/** Every rule, by id. An id is never reused. docs/audit-rules.md has a section for each. */
import type { Facts } from '../facts/facts.ts';
import { SEVERITIES } from './rule.ts';
import type { Finding, Rule } from './rule.ts';
import { stepwise } from '../../async/steps.ts';
import type { Steps } from '../../async/steps.ts';
import { fit } from '../../text.ts';
import { paused, removalHeld } from './brakes.ts';
import { controllerNotRunning } from './controller-running.ts';
import { controllerExcessiveRights } from './excessive-rights.ts';
import { copyBlocked, copyForeign, copyMissing, copyOrphaned, copyStale } from './copies.ts';
import { credentialExpired, credentialExpiring, credentialRejected } from './credentials.ts';
import { credentialShadowed, credentialUnused } from './entries.ts';
import { dockerHubAnonymous } from './docker-hub.ts';
import { loginInManyPlaces, personalAccount } from './logins.ts';
import { podHealing } from './healing.ts';
import { imageOfNoRegistry } from './no-registry.ts';
import { badAnnotation, optInDenied, unknownSource } from './opt-in.ts';
import { podBeforePatch, podOwnSecrets } from './pods.ts';
import { proxyAnonymous, proxyNotApplied, proxyNotVerified, proxyRefused } from './proxies.ts';
import { crioMirrorUnserved } from './crio.ts';
import { proxyLoginElsewhere } from './proxy-elsewhere.ts';
import { pullFailing } from './pull-failing.ts';
import { danglingReference, pullSecretBroken, pullSecretUseless } from './pull-secrets.ts';
import { imageByDigest, registryWithoutCredential, registryWithoutProxy } from './registries.ts';
import { pullSecretsReadable } from './secret-readers.ts';
import { referenceOrphaned, serviceAccountNotPatched } from './service-accounts.ts';
import { podTwoLogins } from './two-logins.ts';
import { pullSecretUnnamed } from './unnamed.ts';
import { loginUnusable } from './unusable.ts';
import { rotationIncomplete, sourceHeldBack, sourceInvalid, sourceMissing, sourceSuspicious } from './sources.ts';

/** Sorted by id. 00x, 01x: copies, references; 02x: pods; 04x: credentials; 06x: cache proxies; 08x: sources; 09x: controller. */
export const RULES: readonly Rule[] = [
  copyMissing,
  copyStale,
  copyForeign,
  copyOrphaned,
  serviceAccountNotPatched,
  danglingReference,
  optInDenied,
  badAnnotation,
  unknownSource,
  referenceOrphaned,
  pullSecretBroken,
  pullSecretUseless,
  pullSecretUnnamed,
  copyBlocked,
  podBeforePatch,
  podOwnSecrets,
  pullFailing,
  imageByDigest,
  registryWithoutCredential,
  registryWithoutProxy,
  loginUnusable,
  podTwoLogins,
  dockerHubAnonymous,
  imageOfNoRegistry,
  podHealing,
  credentialRejected,
  credentialExpiring,
  credentialExpired,
  credentialUnused,
  credentialShadowed,
  personalAccount,
  loginInManyPlaces,
  pullSecretsReadable,
  proxyNotApplied,
  proxyNotVerified,
  proxyRefused,
  proxyAnonymous,
  proxyLoginElsewhere,
  crioMirrorUnserved,
  sourceMissing,
  sourceInvalid,
  sourceHeldBack,
  rotationIncomplete,
  sourceSuspicious,
  controllerExcessiveRights,
  controllerNotRunning,
  removalHeld,
  paused,
];

/** Sorted: errors first, then by rule, namespace and name. */
export function* findingSteps(facts: Facts): Steps<Finding[]> {
  const found: Finding[] = [];
  for (const { id, severity, remedy, check } of RULES) {
    const checked = check(facts);
    const hits = Array.isArray(checked) ? checked : yield* checked;
    yield* stepwise(hits, 1_000, (hit) => found.push(clean({ rule: id, severity, remedy, ...hit })));
    yield;
  }
  return found.sort(inOrder);
}

/** Makes every text printable and limits its length: Kubernetes does not check names in references, so they can hold anything. */
function clean({ object: { kind, namespace, name }, about, message, remedy, ...rest }: Finding): Finding {
  return {
    ...rest,
    object: {
      kind: fit(kind, 63),
      ...(namespace !== undefined && { namespace: fit(namespace, 63) }),
      name: fit(name, 253),
    },
    ...(about !== undefined && { about: fit(about, 300) }),
    message: fit(message, 1200),
    remedy: fit(remedy, 600),
  };
}

function inOrder(a: Finding, b: Finding): number {
  return (
    SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
    compare(a.rule, b.rule) ||
    compare(a.object.namespace ?? '', b.object.namespace ?? '') ||
    compare(a.object.kind, b.object.kind) ||
    compare(a.object.name, b.object.name) ||
    compare(a.about ?? '', b.about ?? '')
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

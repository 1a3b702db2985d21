/** Rules on sources that cannot be used or look wrong, and on rotations that are not complete. */
import type { Facts } from '../facts/facts.ts';
import type { Hit, Rule } from './rule.ts';
import type { AuditedSource } from '../observe/observation.ts';
import { countRotation } from '../facts/rotation-counts.ts';
import { agree, capital, fit, plural, sentence } from '../../text.ts';
import { secretOf, secretOfSource } from './remedies.ts';

export const sourceMissing: Rule = {
  id: 'PP080',
  name: 'source-missing',
  category: 'Sources',
  severity: 'error',
  title: 'The Secret of a source does not exist',
  cause:
    'The configuration names a Secret that is not there. Copies that were made before stay as they are; nothing new is spread.',
  remedy: 'Create the Secret (type kubernetes.io/dockerconfigjson), or correct sources[].secret in the configuration.',
  check: (facts) =>
    facts.sources
      .filter(({ state }) => state === 'missing')
      .map((source) => ({
        object: objectOf(source),
        message: `${secretOf(source)} of source "${source.config.name}" does not exist: ${consequence(facts, source)}.`,
      })),
};

export const sourceInvalid: Rule = {
  id: 'PP081',
  name: 'source-invalid',
  category: 'Sources',
  severity: 'error',
  title: 'The Secret of a source cannot be used',
  cause:
    'The content of the Secret is not a Docker config that kubelets would read as a whole, is empty, or ' +
    'an alias points at nothing. It is not spread: one entry that cannot be parsed would fail every pull of a pod.',
  remedy: 'Mend the Secret as the finding says; copies keep the last good content until then.',
  check: (facts) =>
    facts.sources
      .filter(({ state }) => state === 'invalid')
      .map((source) => ({
        object: objectOf(source),
        message: `Source "${source.config.name}" cannot be used: ${problemsOf(source)} ${capital(consequence(facts, source))}.`,
        remedy: `Mend ${secretOf(source)} as the finding says; copies keep the last good content until then.`,
      })),
};

export const sourceHeldBack: Rule = {
  id: 'PP082',
  name: 'source-held-back',
  category: 'Sources',
  severity: 'error',
  title: 'Something that a source holds is not spread',
  cause:
    'The source changed, and of an entry the new login is refused by its registry or is none that ' +
    'kubelets can use, or the entry is gone; or pulls started to fail at the canaries. Copies and cache ' +
    'proxies keep the last good login of that entry; the others are spread.',
  remedy: 'Put a working credential into the Secret of the source. Do not revoke the old one before.',
  check: (facts) =>
    (facts.heldBack ?? []).map(({ source, why, since }) => ({
      object: { kind: 'Source', name: source },
      message: `Source "${source}" is not in force as it is${since === undefined ? '' : ` since ${since}`}: ${sentence(fit(why))}`,
      remedy: `Put a working credential into ${secretOfSource(facts, source)}. Do not revoke the old one before.`,
    })),
};

const rotationRemedy = (source: string): string =>
  `Do not revoke the old credential yet: \`pullpass wait --config FILE --source ${source}\` tells when ` +
  'it is safe. If the numbers stand still, see the other findings about these copies and cache proxies.';

export const rotationIncomplete: Rule = {
  id: 'PP083',
  name: 'rotation-incomplete',
  category: 'Sources',
  severity: 'warning',
  title: 'A rotation has not arrived everywhere',
  cause: 'The content of the source changed, and not every copy and cache proxy carries the new one yet.',
  remedy: rotationRemedy('NAME'),
  check: (facts) =>
    facts.sources.flatMap((source): Hit[] => {
      const { stale, copies, copiesDone, proxies, proxiesDone } = countRotation(facts, source.config.name);
      // Copies may be missing in new namespaces: that is no rotation.
      if (stale === 0 && proxiesDone === proxies) return [];
      const caches = proxies === 0 ? '' : ` and ${proxiesDone} of ${plural(proxies, 'cache proxy', 'cache proxies')}`;
      return [
        {
          object: objectOf(source),
          message:
            `The newest content of source "${source.config.name}" is in ${copiesDone} of ` +
            `${plural(copies, 'copy', 'copies')}${caches}: the old credential is still needed.`,
          remedy: rotationRemedy(source.config.name),
        },
      ];
    }),
};

export const sourceSuspicious: Rule = {
  id: 'PP084',
  name: 'source-suspicious',
  category: 'Sources',
  severity: 'warning',
  title: 'Something in a source is hardly meant so',
  cause:
    'The content of the source can be used, but something in it does not do what it looks like: an entry ' +
    'that kubelets ignore, a name that is not the one of Docker Hub (docker.com), a password with a line ' +
    'break, two logins for one registry, an annotation `pullpass.dev/expires-at` that does not count.',
  remedy: 'Correct the Secret of the source as the finding says.',
  check: ({ sources }) =>
    sources.flatMap((source) =>
      (source.written?.warnings ?? []).map((warning): Hit => ({
        object: objectOf(source),
        about: warning,
        message: `Source "${source.config.name}": ${sentence(fit(warning))}`,
        remedy: `Correct ${secretOf(source)} as the finding says.`,
      })),
    ),
};

const objectOf = ({ config }: AuditedSource): Hit['object'] => ({ kind: 'Source', name: config.name });

/** Problems begin with the Secret and a colon; the colon is dropped in front of a verb. */
const problemsOf = ({ observed }: AuditedSource): string =>
  observed.problems
    .map((problem) => sentence(fit(problem).replace(/^(Secret \S+): (?=(?:is|has|does|was) )/, '$1 ')))
    .join(' ');

function consequence({ plans }: Facts, { config }: AuditedSource): string {
  const standings = plans.flatMap((plan) =>
    plan.standings.filter(({ source, choice }) => source === config.name && choice.in),
  );
  const waiting = standings.filter(({ copy }) => copy === 'unavailable').length;
  const kept = standings.filter(({ copy }) => copy === 'in sync').length;
  const parts = [
    ...(waiting > 0 ? [`${plural(waiting, 'namespace')} ${agree(waiting, 'waits', 'wait')} for a first copy`] : []),
    ...(kept > 0 ? [`${plural(kept, 'copy keeps', 'copies keep')} the last good content`] : []),
  ];
  return parts.length === 0 ? 'no namespace is opted in to it' : parts.join(', ');
}

/** The copies of one namespace, as healing judges by them. */
import { parseDockerConfig } from '../credentials/docker-config.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { lookup, makeKeyring } from '../credentials/keyring.ts';
import type { Keyring } from '../credentials/keyring.ts';
import type { HealingCopy } from '../plan/healing.ts';
import type { NamespacePlan } from '../plan/namespace-plan.ts';
import type { ObservedScope } from '../plan/observed.ts';
import type { SourceBook } from '../sources/book.ts';

interface CopyReaderOptions {
  readonly book: Pick<SourceBook, 'content'>;
  /** Why a login cannot be counted on; undefined: nothing is known against it. */
  readonly whyUnfit: (source: string, credential: Credential) => string | undefined;
}

export type CopyReader = (scope: ObservedScope, plan: NamespacePlan) => HealingCopy[];

/** Reads each content once, for all namespaces have the same. */
export function createCopyReader({ book, whyUnfit }: CopyReaderOptions): CopyReader {
  const rings = new Map<string, { readonly base64: string; readonly ring: Keyring }>();

  function ringOf(source: string, digest: string | undefined): Keyring | undefined {
    const base64 = digest === undefined ? undefined : book.content(source, digest);
    if (base64 === undefined) return undefined;
    const known = rings.get(source);
    if (known?.base64 === base64) return known.ring;
    const parsed = parseDockerConfig(Buffer.from(base64, 'base64'));
    if (!parsed.ok) return undefined;
    const ring = makeKeyring([{ credentials: parsed.credentials }]);
    rings.set(source, { base64, ring });
    return ring;
  }

  return ({ serviceAccounts, copies, sources }, { standings, editReferences }) => {
    const accounts = new Map(serviceAccounts.map((account) => [account.name, account]));
    const removed = new Map(editReferences.map(({ account, edit }) => [account.name, edit.remove]));
    return sources.map(({ config, digest }): HealingCopy => {
      const { name: source, copyName, healing } = config;
      const standing = standings.find((each) => each.source === source);
      const ring = ringOf(source, copies.get(copyName)?.digest ?? digest);
      return {
        source,
        copyName,
        uid: copies.get(copyName)?.uid,
        mode: healing?.mode ?? 'off',
        isGood: standing?.choice.in === true && standing.copy === 'in sync',
        covers(imageName) {
          const matches = ring === undefined ? [] : lookup(ring, imageName).map(({ credential }) => credential);
          if (matches.length === 0) return 'nothing';
          // A kubelet tries all of them: one that works is enough.
          const faults = matches.map((credential) => whyUnfit(source, credential));
          const [fault] = faults;
          return faults.includes(undefined) || fault === undefined ? 'a login' : { why: fault };
        },
        isReferencedBy: (account) =>
          accounts.get(account)?.pullSecrets?.includes(copyName) === true &&
          removed.get(account)?.includes(copyName) !== true,
      };
    });
  };
}

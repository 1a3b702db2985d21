/** How far a rotation is, in words: one line, and what is behind. */
import { quoteKey } from '../credentials/registry-name.ts';
import { stateOf } from '../plan/proxy.ts';
import { UNDONE_DOCS } from '../plan/undone.ts';
import { isProxyDone } from './proxy-progress.ts';
import type { ProofTerms, ProxyProgress } from './proxy-progress.ts';
import type { RotationProgress } from './progress.ts';

/** Copies that have the content, of those that are to have it. */
export const copiesDone = ({ copies }: Pick<RotationProgress, 'copies'>): number =>
  copies.total - copies.behind.length - (copies.blocked ?? []).length - (copies.kept ?? []).length;

export function summary(rotation: RotationProgress): string {
  const { copies, proxies, heldBack } = rotation;
  const settled = proxies.filter((proxy) => proxy.applied === true && proxy.settled);
  const proven = settled.filter((proxy) => proxy.proven && proxy.verified !== 'refused');
  const parts = [
    `${copiesDone(rotation)}/${copies.total} copies`,
    ...(proxies.length === 0
      ? []
      : [`${settled.length}/${proxies.length} cache proxies settled`, `${proven.length} proven`]),
  ];
  return `${heldBack.length > 0 ? 'held back; ' : ''}${parts.join(', ')}`;
}

/** Names the logins to revoke if only some entries are held back, and the others have arrived everywhere. */
export function revocable({ held, current, copies, proxies }: RotationProgress, terms: ProofTerms): string[] {
  if (
    held.length === 0 ||
    current.length === 0 ||
    copies.behind.length > 0 ||
    (copies.blocked ?? []).length > 0 ||
    (copies.kept ?? []).length > 0 ||
    !proxies.every((proxy) => isProxyDone(proxy, terms))
  )
    return [];
  const kept = held.map(({ key }) => quoteKey(key)).join(', ');
  return [
    `The old logins of ${current.map(quoteKey).join(', ')} can be revoked: their new ones are everywhere. Keep those of ${kept}.`,
  ];
}

/** What is behind, one line each. */
export function behind({ copies, proxies, heldBack }: RotationProgress, terms: ProofTerms): string[] {
  const { blocked = [], kept = [], undone = [] } = copies;
  const ten = (namespaces: readonly string[]): string =>
    `${namespaces.slice(0, 10).join(', ')}${namespaces.length > 10 ? ', ...' : ''}`;
  return [
    ...heldBack.map((why) => `the source is held back: ${why}`),
    ...(copies.behind.length === 0 ? [] : [`${copies.behind.length} copies: ${ten(copies.behind)}`]),
    ...undone
      .slice(0, 10)
      .map(({ namespace, by }) => `copy in ${namespace}: another writer wrote it, ${by}: see ${UNDONE_DOCS}`),
    ...(blocked.length === 0
      ? []
      : [
          `${blocked.length} copies that are being deleted cannot be brought up to date before their finalizers are gone, ` +
            `which only the namespace's owner can see to: ${ten(blocked.map(({ namespace, by }) => `${namespace} (${by})`))}`,
        ]),
    ...(kept.length === 0
      ? []
      : [
          `${kept.length} copies that are to be removed are kept by the brake, with the old credential: ${ten(kept)}. \`pullpass plan\` says how to go on`,
        ]),
    ...proxies.filter((proxy) => !isProxyDone(proxy, terms)).map(standing),
  ];
}

function standing({ name, applied, checked, verified, reason, why }: ProxyProgress): string {
  return `cache proxy ${name}: ${applied === true && checked ? `${stateOf({ state: verified, reason })}: ` : ''}${why}`;
}

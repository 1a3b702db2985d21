/** What cache proxies made of their logins: Secrets under names that nobody configured, which may still hold the login before. */
import type { Configuration } from '../../config/schema.ts';
import type { KubeClient } from '../../kube/client.ts';
import { chooseLogin } from '../../plan/proxy.ts';
import { derivedLine, loginHolders, observeHolders } from '../../rotation/holders.ts';
import type { ProxyProgress } from '../../rotation/proxy-progress.ts';
import type { Snapshot } from '../../sources/snapshot.ts';
import type { AuditedDerived } from './verdicts.ts';

interface DerivedOptions {
  readonly client: KubeClient;
  readonly configuration: Configuration;
  readonly snapshot: Snapshot;
  /** Of the others it is known already that they do not have the login. */
  readonly proxies: readonly Pick<ProxyProgress, 'name' | 'applied'>[];
  /** Whether the audit may ask: the controller has no right to Secrets under other names than its own. */
  readonly mayAsk: boolean;
  readonly only?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Throws ApiError for any error but a 403, and UnreachableError. */
export async function derivedLogins({
  client,
  configuration,
  snapshot: { book, state },
  proxies,
  mayAsk,
  only,
  signal,
}: DerivedOptions): Promise<{ derived: readonly AuditedDerived[]; gaps: readonly string[] }> {
  const derived: AuditedDerived[] = [];
  const gaps: string[] = [];
  for (const holder of loginHolders(configuration)) {
    const { name, source, registry } = holder.config;
    const choice = chooseLogin(book.credentials(source, name) ?? [], registry);
    if (!choice.ok || !proxies.some((proxy) => proxy.name === name && proxy.applied === true)) continue;
    const gap = (why: string): unknown =>
      gaps.push(`What cache proxy "${name}" made of its login, so it is unknown what holds an old one: ${why}`);
    if (!mayAsk) {
      gap(`the controller has no right to list ${holder.what}; whoever has it sees more with \`pullpass audit\``);
      continue;
    }
    const { login } = choice;
    const { derived: count } = await observeHolders(holder, { client, login, mac: state.mac, only, signal });
    if (count === undefined) continue;
    const { unseen, selector } = count;
    if (unseen !== undefined) gap(unseen);
    const line = derivedLine({ ...count, unseen: undefined });
    if (line !== undefined)
      derived.push({ proxy: name, source, registry, line, ...(selector !== undefined && { selector }) });
  }
  return { derived, gaps };
}

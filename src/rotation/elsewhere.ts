/** What products made of the login of a source: a rotation that is complete otherwise is not complete before they have it too. */
import type { Configuration } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import { chooseLogin } from '../plan/proxy.ts';
import { createProxies } from '../proxies/kinds.ts';
import type { Snapshot } from '../sources/snapshot.ts';
import { derivedLine, loginHolders, observeHolders } from './holders.ts';
import type { ProofTerms } from './proxy-progress.ts';

interface Line {
  /** Name of the cache proxy. */
  readonly proxy: string;
  readonly line: string;
}

export interface Elsewhere {
  /** They still hold another login. */
  readonly behind: readonly Line[];
  /** Whether they do could not be counted. */
  readonly unseen: readonly Line[];
  /** What nobody can count. */
  readonly also: readonly string[];
}

interface ElsewhereOptions {
  /** With the rights of whoever asks. */
  readonly client: KubeClient;
  readonly configuration: Configuration;
  readonly snapshot: Pick<Snapshot, 'book' | 'state'>;
}

export async function observeElsewhere(
  source: string,
  { client, configuration, snapshot: { book, state } }: ElsewhereOptions,
): Promise<Elsewhere> {
  const [behind, unseen, also]: [Line[], Line[], string[]] = [[], [], []];
  for (const proxy of createProxies(configuration).filter(({ config }) => config.source === source)) {
    const { name, registry } = proxy.config;
    const choice = chooseLogin(book.credentials(source, name) ?? [], registry);
    if (!choice.ok) continue;
    const seen = await observeHolders(proxy, { client, login: choice.login, mac: state.mac });
    also.push(`cache proxy ${name}: also held by ${seen.unseen}`);
    const line = seen.derived && derivedLine(seen.derived);
    if (line === undefined) continue;
    const isStale = seen.derived !== undefined && seen.derived.stale > 0;
    const remedy = isStale
      ? 'recreate the pods there, or see PP064 in `pullpass audit`'
      : `use a kubeconfig that may list Secrets, or --accept-unproven ${name}`;
    (isStale ? behind : unseen).push({ proxy: name, line: `cache proxy ${name}: ${line}: ${remedy}` });
  }
  return { behind, unseen, also };
}

/** For the controller, which may not list Secrets of other names than its own: nothing of it was counted. */
export function elsewhereUnseen(source: string, configuration: Configuration): Elsewhere {
  const unseen = loginHolders(configuration)
    .filter(({ config }) => config.source === source)
    .map(({ config: { name }, what }) => ({
      proxy: name,
      line: `cache proxy ${name}: ${what} are not counted here, for the controller may not list them: \`pullpass wait\` counts them`,
    }));
  return { behind: [], unseen, also: [] };
}

/** Why the old login cannot be revoked although all that Pullpass manages is complete: one line each; empty: it can be. */
export function troubleOf({ behind, unseen }: Elsewhere, { acceptUnproven = [] }: ProofTerms): string[] {
  return [...behind, ...unseen.filter(({ proxy }) => !acceptUnproven.includes(proxy))].map(({ line }) => line);
}

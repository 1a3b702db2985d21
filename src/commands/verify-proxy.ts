/** Asks a cache proxy, and the product itself, whether it pulls with its login: the code of the controller, without its memory. */
import type { Configuration } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import { chooseLogin } from '../plan/proxy.ts';
import type { UnknownReason, Verdict } from '../plan/proxy.ts';
import { createProxies } from '../proxies/kinds.ts';
import type { ConfiguredProxy } from '../proxies/kinds.ts';
import { createProxyKube } from '../proxies/kube.ts';
import { runProbe } from '../proxies/probe.ts';
import type { Reach } from '../proxies/reach.ts';
import { loginMac } from '../reconcile/proxy.ts';
import { askProxy, readMemory } from '../reconcile/verify-proxy.ts';
import { derivedLine, observeHolders } from '../rotation/holders.ts';
import { observeProxies } from '../rotation/proxy-progress.ts';
import type { ProxyProgress } from '../rotation/proxy-progress.ts';
import type { Snapshot } from '../sources/snapshot.ts';

interface ProxyQuestion {
  client: KubeClient;
  configuration: Configuration;
  snapshot: Snapshot;
  reach: Reach;
  signal: AbortSignal;
}

export interface ProxyCheck {
  readonly proxy: ConfiguredProxy['config'];
  /** What the verdict is on, if not on the cache proxy itself: what it made of its login. */
  readonly what?: string;
  readonly verdict: Verdict;
}

/** At least one per configured cache proxy, in order. Nothing is asked for that the cache would then hold. */
export async function checkProxies(question: ProxyQuestion): Promise<ProxyCheck[]> {
  const progress = await observeProxies(question);
  const checks = createProxies(question.configuration, question.snapshot.world.instance).map(
    async (proxy, i): Promise<ProxyCheck[]> => {
      const verdict = before(progress[i]) ?? (await ask(proxy, question));
      const derived = progress[i]?.applied === true ? await countDerived(proxy, question) : undefined;
      return [{ proxy: proxy.config, verdict }, ...(derived === undefined ? [] : [derived])];
    },
  );
  return (await Promise.all(checks)).flat();
}

/** Whether a product still holds an old login in what it made of it; undefined: it makes nothing, or all is current. */
async function countDerived(
  proxy: ConfiguredProxy,
  { client, snapshot: { book, state }, signal }: ProxyQuestion,
): Promise<ProxyCheck | undefined> {
  const { source, name, registry } = proxy.config;
  const choice = chooseLogin(book.credentials(source, name) ?? [], registry);
  if (!choice.ok) return undefined;
  const { derived } = await observeHolders(proxy, { client, login: choice.login, mac: state.mac, signal });
  const line = derived && derivedLine(derived);
  return line === undefined
    ? undefined
    : {
        proxy: proxy.config,
        what: derived?.what ?? '',
        verdict: unknown(derived?.stale === 0 ? 'not tried' : 'settling', line),
      };
}

/** Before it has settled with the login in force, an answer may be about another login. */
function before(progress: ProxyProgress | undefined): Verdict | undefined {
  if (progress?.applied === false) return unknown('not applied', progress.why);
  if (progress?.applied === true && !progress.settled)
    return progress.verified === 'refused'
      ? { state: 'refused', why: progress.why }
      : unknown('settling', progress.why);
  return undefined;
}

async function ask(
  proxy: ConfiguredProxy,
  { client, configuration, snapshot: { book, state, world }, reach, signal }: ProxyQuestion,
): Promise<Verdict> {
  const { config, copyName } = proxy;
  const credentials = book.credentials(config.source, config.name);
  if (credentials === undefined) return unknown('not tried', 'the source has no usable content');
  const choice = chooseLogin(credentials, config.registry);
  if (!choice.ok) return unknown('not tried', choice.problem);
  const { login } = choice;
  const mac = loginMac({ state, proxy, login });
  const context = {
    kube: createProxyKube({ client, proxy: config.name, instance: world.instance, signal }),
    http: reach.http('ca' in config ? config.ca : undefined),
    mac: state.mac,
    signal,
    copyName,
  };
  const verdict = await askProxy(proxy, login, context, () =>
    runProbe({ proxy, login, memory: readMemory(config, mac, state), configuration, context }, reach),
  );
  // For images, only the controller can ask, because it remembers them: what it saw last counts.
  const { verified: last } = state.proxy(config.name);
  if (verdict.reason !== 'held already' || last?.mac !== mac || last.state === 'unknown') return verdict;
  return { state: last.state, why: `the controller saw this at ${last.at}: ${last.why}` };
}

const unknown = (reason: UnknownReason, why: string): Verdict => ({ state: 'unknown', reason, why });

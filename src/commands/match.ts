/** `pullpass match`: shows which credentials a kubelet would try for an image, in order, and why. */
import { UsageError } from '../errors.ts';
import { withClient } from './connect.ts';
import type { Environment } from './environment.ts';
import { readInputFile } from './input-file.ts';
import { match, matchFromDockerConfig, readImage } from './match-lookup.ts';
import type { MatchResult } from './match-lookup.ts';
import { fromNamespace, fromPod, renderCrio, secretOf } from './match-mirror.ts';
import type { CrioResult, Runtime } from './match-mirror.ts';
import { listNamespaceSecrets, readPullSecrets } from './match-secrets.ts';
import { renderMatch } from './match-text.ts';
import type { Cluster } from './options.ts';
import type { Output } from './output.ts';

export interface Flags extends Cluster {
  dockerConfig?: string;
  namespace?: string;
  serviceAccount: string;
  mirror?: string;
  runtime?: Runtime;
  output: Output;
}

export async function run(env: Environment, image: string, flags: Flags): Promise<void> {
  const { mirror, runtime, output } = flags;
  if (runtime !== undefined && mirror === undefined)
    throw new UsageError('match: --runtime goes with --mirror: without a mirror, all runtimes get the same login');
  if (mirror !== undefined && runtime === 'crio') {
    const result = await lookUpCrio(image, mirror, flags, env);
    for (const note of result.notes) env.writeErr(`${note}\n`);
    env.writeOut(renderCrio(result, output, env.colors));
    return env.exitWith(result.logins.length > 0 ? 0 : EXIT_NO_MATCH);
  }
  const result = await lookUp(image, flags, env);
  for (const note of result.notes) env.writeErr(`${note}\n`);
  env.writeOut(renderMatch({ ...result, ...(mirror !== undefined && { mirror }) }, output, env.colors));
  env.exitWith(result.matches.length > 0 ? 0 : EXIT_NO_MATCH);
}

const EXIT_NO_MATCH = 4;

type Where = Pick<Flags, 'dockerConfig' | 'namespace' | 'serviceAccount' | keyof Cluster>;

/** The namespace's Secrets decide, but for a mirror on the image's own host, which gets the login that the kubelet chose. */
async function lookUpCrio(image: string, mirror: string, flags: Where, env: Environment): Promise<CrioResult> {
  if (mirror.split('/')[0] === readImage(image).registry) {
    const pod = await lookUp(image, flags, env);
    if (pod.matches.length > 0) return fromPod(pod, mirror);
  }
  const { dockerConfig, namespace, ...cluster } = flags;
  if (dockerConfig !== undefined) {
    const text = dockerConfig === '-' ? await env.readInput() : readInputFile(dockerConfig);
    return fromNamespace(image, mirror, [{ secret: secretOf(text) }]);
  }
  if (namespace === undefined) throw new UsageError(NOWHERE);
  const secrets = await withClient(env, cluster, (client) => listNamespaceSecrets(client, namespace));
  return fromNamespace(image, mirror, secrets);
}

const NOWHERE = 'match: give --docker-config FILE, or --namespace NAME to read the cluster';

async function lookUp(
  image: string,
  { dockerConfig, namespace, serviceAccount, ...cluster }: Where,
  env: Environment,
): Promise<MatchResult> {
  if (dockerConfig === '-') return matchFromDockerConfig(image, await env.readInput(), 'stdin');
  if (dockerConfig !== undefined) return matchFromDockerConfig(image, readInputFile(dockerConfig), dockerConfig);
  if (namespace === undefined) throw new UsageError(NOWHERE);
  return match(image, await withClient(env, cluster, (client) => readPullSecrets(client, namespace, serviceAccount)));
}

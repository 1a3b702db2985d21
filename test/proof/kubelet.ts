/**
 * Plays the kubelet and the Deployment's controller for one cache: a mounted Secret follows after a delay, and a changed pod
 * template is a new pod. A pod that does not start is started again, and the Deployment says that it is not ready.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from '../sandbox/demo/cluster.ts';
import type { Cache, Content } from './caches.ts';

export const NAMESPACE = 'registry-cache';
/** Of the Deployment, if it has one. */
export const NAME = 'cache';
export const SECRET = 'cache-login';

export interface Kubelet {
  /** Nobody answers any more, until `resume`, although the Deployment goes on to say that its pod is ready. */
  pause(): Promise<void>;
  resume(): void;
  /** The cache goes on as it is, and never gets a new login, although the Deployment goes on to say that all is rolled. */
  freeze(): Promise<void>;
  stop(): Promise<void>;
}

export interface KubeletOptions {
  readonly cluster: Cluster;
  readonly cache: Cache;
  /** How the product gets its login: at its start, so that the Deployment is rolled; by a mounted Secret; or not from here. */
  readonly kind: 'rolled' | 'mounted' | 'elsewhere';
  readonly mountSeconds: number;
  /** A pod does not start, again and again; once for each reason. */
  readonly onCrash: (why: string) => void;
}

const TICK_MS = 50;
const BACKOFF_MS = 1_000;

export function playKubelet({ cluster, cache, kind, mountSeconds, onCrash }: KubeletOptions): Kubelet {
  const stopping = new AbortController();
  const { signal } = stopping;
  const isRolled = kind === 'rolled';
  let paused = false;
  let frozen = false;
  /** What the pod was made from: a template with a generation, or just "there is a Secret". */
  let running: string | undefined;
  let mounted = '';
  let crash = '';

  async function content(): Promise<Content | undefined> {
    const secret = await cluster.secret(NAMESPACE, SECRET);
    if (secret?.data === undefined) return undefined;
    return Object.fromEntries(
      Object.entries(secret.data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
    );
  }

  /** Undefined: no pod can be made yet. */
  async function wanted(): Promise<{ template: string; generation: number } | undefined> {
    if (!isRolled) return { template: '', generation: 0 };
    const deployment = await cluster.deployment(NAMESPACE, NAME);
    const annotations = deployment?.spec?.template.metadata?.annotations;
    return annotations === undefined
      ? undefined
      : { template: JSON.stringify(annotations), generation: deployment?.metadata?.generation ?? 0 };
  }

  async function tick(): Promise<void> {
    if (kind === 'elsewhere') {
      if (!paused && !cache.isUp()) await cache.start({});
      return;
    }
    const [secret, pod] = [await content(), await wanted()];
    if (secret === undefined || pod === undefined) return;
    if (paused || frozen) return report(pod.generation, true);
    if (running !== pod.template || !cache.isUp()) {
      await report(pod.generation, false);
      await cache.stop();
      running = undefined;
      await cache.start(secret);
      mounted = JSON.stringify(secret);
      running = pod.template;
      await report(pod.generation, true);
    } else if (mounted !== JSON.stringify(secret)) {
      mounted = JSON.stringify(secret);
      void delay(mountSeconds * 1000, undefined, { signal })
        .then(() => cache.mount(secret))
        .catch(() => undefined);
    }
  }

  async function report(generation: number, ready: boolean): Promise<void> {
    if (isRolled) await cluster.reportRolled(NAMESPACE, NAME, generation, ready);
  }

  async function play(): Promise<void> {
    while (!signal.aborted) {
      busy = tick();
      const isGood = await busy.then(
        () => true,
        (error: unknown) => {
          const why = error instanceof Error ? error.message : String(error);
          if (why !== crash && !signal.aborted) onCrash((crash = why));
          return false;
        },
      );
      await delay(isGood ? TICK_MS : BACKOFF_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  let busy: Promise<void> = Promise.resolve();
  const playing = play();

  return {
    async pause() {
      paused = true;
      await busy.catch(() => undefined);
      await cache.stop();
    },
    resume: () => void (paused = false),
    async freeze() {
      frozen = true;
      await busy.catch(() => undefined);
    },
    async stop() {
      stopping.abort();
      await playing;
    },
  };
}

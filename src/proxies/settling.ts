/** How long a product may still work with the login before, after the new one was written. */
import type { CacheProxyConfig } from '../config/cache-proxies.ts';
import type { CacheProxy } from './adapter.ts';

/** If the registry does not say how long its tokens live: as long as Docker Hub's. */
export const TOKEN_SECONDS = 300;

/** Until a kubelet has surely updated a mounted Secret: its sync period of a minute and its cache, with a margin. */
export const MOUNT_SECONDS = 120;

export interface SettlingTime {
  readonly seconds: number;
  /** What it is made of, for people; empty if it is zero. */
  readonly parts: string;
}

/** Whether the registry should be asked how long its tokens live. */
export function needsTokenLifetime({ settle }: Pick<CacheProxyConfig, 'settle'>, adapter: CacheProxy): boolean {
  return adapter.settling?.token === 'registry' && settle?.tokenSeconds === undefined;
}

/** `tokenSeconds`: how long tokens of the registry live, if that counts. */
export function settlingTime(
  { settle = {} }: Pick<CacheProxyConfig, 'settle'>,
  { settling = {} }: Pick<CacheProxy, 'settling'>,
  tokenSeconds = 0,
): SettlingTime {
  const token = settling.token === undefined ? 0 : tokenSeconds;
  const parts = [
    { seconds: settle.mountSeconds ?? settling.mount ?? 0, what: 'until kubelets have updated the mounted Secret' },
    { seconds: settle.lifetimeSeconds ?? settling.lifetime ?? 0, what: 'that it keeps what it read' },
    { seconds: settle.tokenSeconds ?? token, what: 'that a token of the login before lives' },
  ].filter(({ seconds }) => seconds > 0);
  return {
    seconds: parts.reduce((sum, { seconds }) => sum + seconds, 0),
    parts: parts.map(({ seconds, what }) => `${seconds} s ${what}`).join(', '),
  };
}

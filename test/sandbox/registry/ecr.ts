/**
 * Amazon ECR, as far as a pull needs it: GetAuthorizationToken of its API, which the SDK finds by AWS_ENDPOINT_URL_ECR, and a registry
 * that takes each of these tokens until it ends. Real tokens last for twelve hours.
 */
import { randomBytes } from 'node:crypto';
import { failure, json, serve } from './server.ts';
import type { Reply } from './server.ts';
import { startUpstream } from './upstream.ts';
import type { Upstream } from './upstream.ts';

/** As its name stands in images; nothing answers there. */
export const ECR_REGISTRY = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const KEY_ID = 'AKIDEXAMPLE';

export interface Ecr {
  readonly registry: Upstream;
  /** What a program needs to find the API, and to be known there. */
  readonly env: Readonly<Record<string, string>>;
  /** Tokens that it gave. */
  readonly issued: readonly string[];
  /** What it answers instead of a token, until called without. */
  fail(status?: number, type?: string): void;
  stop(): Promise<void>;
}

/** `tokenMs`: how long a token lasts. */
export async function startEcr({ tokenMs }: { tokenMs: number }): Promise<Ecr> {
  const ends = new Map<string, number>();
  const issued: string[] = [];
  let failing: Reply | undefined;
  const registry = await startUpstream({
    auth: 'basic',
    users: { AWS: { password: randomBytes(16).toString('hex'), repositories: ['*'] } },
    hasPassword: (user, password) => user === 'AWS' && (ends.get(password) ?? 0) > Date.now(),
  });
  const api = await serve({}, ({ method, headers }) => {
    if (method !== 'POST' || headers['x-amz-target'] !== 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken')
      return failure(404, 'UnknownOperationException', 'the sandbox does not do this');
    if (failing !== undefined) return failing;
    if (headers.authorization?.includes(`Credential=${KEY_ID}/`) !== true)
      return refusal(400, 'UnrecognizedClientException');
    const endsAt = Date.now() + tokenMs;
    const password = Buffer.from(
      JSON.stringify({
        payload: randomBytes(24).toString('base64'),
        datakey: 'xxxx',
        version: '2',
        type: 'DATA_KEY',
        expiration: Math.floor(endsAt / 1000),
      }),
    ).toString('base64');
    ends.set(password, endsAt);
    issued.push(password);
    const authorizationToken = Buffer.from(`AWS:${password}`).toString('base64');
    return json(
      200,
      {
        authorizationData: [{ authorizationToken, expiresAt: endsAt / 1000, proxyEndpoint: `https://${ECR_REGISTRY}` }],
      },
      { 'content-type': 'application/x-amz-json-1.1' },
    );
  });
  return {
    registry,
    env: {
      AWS_ENDPOINT_URL_ECR: api.url,
      AWS_ACCESS_KEY_ID: KEY_ID,
      AWS_SECRET_ACCESS_KEY: 'not-checked-here',
      AWS_MAX_ATTEMPTS: '1',
    },
    issued,
    fail(status, type = 'ServerException') {
      failing = status === undefined ? undefined : refusal(status, type);
    },
    async stop() {
      await Promise.all([registry.stop(), api.stop()]);
    },
  };
}

const refusal = (status: number, type: string): Reply =>
  json(status, { __type: type, message: 'refused by the sandbox' }, { 'content-type': 'application/x-amz-json-1.1' });

/** Everything that is not a resource: health, version, discovery, OpenAPI. */
import type { ServerResponse } from 'node:http';
import { discovery } from '../discovery/discovery.ts';
import { openApiIndex, openApiV2, openApiV3 } from '../discovery/openapi.ts';
import type { JsonObject } from '../json.ts';
import { unknownResource } from '../status.ts';
import type { Cluster } from './context.ts';
import type { RequestInfo } from './request-info.ts';

const HEALTH = /^\/(healthz|livez|readyz)(\/[a-z-]+)?$/;

export function servePlainPath(
  { kinds, version }: Cluster,
  { method, path }: RequestInfo,
  accept: string | undefined,
  response: ServerResponse,
): void {
  const text = (code: number, body: string): void => {
    response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(body);
  };
  const json = (object: JsonObject, contentType = 'application/json'): void => {
    response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-cache, private' });
    response.end(`${JSON.stringify(object)}\n`);
  };
  if (method !== 'GET' && method !== 'HEAD') return text(404, '404 page not found\n');
  if (HEALTH.test(path)) return text(200, 'ok');
  if (path === '/version' || path === '/version/') return json(versionInfo(version));
  if (path === '/openapi/v2') return json(openApiV2(kinds));
  if (path === '/openapi/v3') return json(openApiIndex(kinds));
  if (path.startsWith('/openapi/v3/')) {
    const document = openApiV3(kinds, path.slice('/openapi/v3/'.length));
    return document ? json(document) : text(404, '404 page not found\n');
  }
  const found = discovery(kinds, path, accept);
  if (found) return json(found.object, found.contentType);
  // Below a group that is served the API machinery answers, anywhere else plain HTTP does.
  const [root, group = ''] = path.split('/').filter((part) => part !== '');
  if (root === 'api' || (root === 'apis' && kinds.groups().has(group))) throw unknownResource();
  return text(404, '404 page not found\n');
}

function versionInfo(version: string): JsonObject {
  const [, major = '1', minor = '36'] = /^v(\d+)\.(\d+)/.exec(version) ?? [];
  return {
    major,
    minor,
    gitVersion: version,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: 'gc',
    platform: 'linux/amd64',
  };
}

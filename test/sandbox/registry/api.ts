/** The registry API itself, without logins: pulls, and the pushes of skopeo and docker. */
import { randomUUID } from 'node:crypto';
import { digestOf } from './images.ts';
import type { Images } from './images.ts';
import { failure, json } from './server.ts';
import type { Exchange, Reply } from './server.ts';

export type Route =
  | { readonly type: 'root' }
  | { readonly type: 'tags' | 'upload-start'; readonly repository: string }
  | { readonly type: 'manifest' | 'blob' | 'upload'; readonly repository: string; readonly id: string };

/** Undefined: not a path of the API. */
export function routeOf(path: string): Route | undefined {
  if (path === '/v2/' || path === '/v2') return { type: 'root' };
  const [, repository, kind, id = ''] =
    /^\/v2\/([a-z0-9][a-z0-9._/-]*)\/(tags\/list|manifests|blobs\/uploads|blobs)(?:\/([^/]*))?$/.exec(path) ?? [];
  if (repository === undefined || kind === undefined) return undefined;
  if (kind === 'tags/list') return { type: 'tags', repository };
  if (kind === 'manifests') return { type: 'manifest', repository, id };
  if (kind === 'blobs') return { type: 'blob', repository, id };
  return id === '' ? { type: 'upload-start', repository } : { type: 'upload', repository, id };
}

export function isPush(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

export function manifestReply(manifest: ReturnType<Images['manifest']>): Reply {
  if (manifest === undefined) return failure(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
  return {
    status: 200,
    headers: { 'content-type': manifest.mediaType, 'docker-content-digest': manifest.digest },
    body: manifest.content,
  };
}

export function blobReply(blob: Buffer | undefined, digest: string): Reply {
  if (blob === undefined) return failure(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
  return {
    status: 200,
    headers: { 'content-type': 'application/octet-stream', 'docker-content-digest': digest },
    body: blob,
  };
}

export function createApi(images: Images): (route: Route, exchange: Exchange) => Reply {
  const uploads = new Map<string, Buffer>();

  function upload(repository: string, id: string, status: number, content: Buffer): Reply {
    uploads.set(id, content);
    return {
      status,
      headers: {
        location: `/v2/${repository}/blobs/uploads/${id}`,
        range: `0-${Math.max(0, content.length - 1)}`,
        'docker-upload-uuid': id,
      },
    };
  }

  function finish(repository: string, content: Buffer, digest: string): Reply {
    if (digestOf(content) !== digest)
      return failure(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
    images.putBlob(repository, content);
    return { status: 201, headers: { location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest } };
  }

  function putManifest(repository: string, reference: string, { headers, body }: Exchange): Reply {
    if (reference.includes(':') && reference !== digestOf(body))
      return failure(400, 'DIGEST_INVALID', 'provided digest did not match the manifest');
    const manifest = images.putManifest(
      repository,
      reference,
      headers['content-type'] ?? 'application/octet-stream',
      body,
    );
    return {
      status: 201,
      headers: { location: `/v2/${repository}/manifests/${manifest.digest}`, 'docker-content-digest': manifest.digest },
    };
  }

  return (route, exchange) => {
    const { method, query, body } = exchange;
    const wrong = failure(405, 'UNSUPPORTED', 'the sandbox does not do this');
    switch (route.type) {
      case 'root':
        return isPush(method) ? wrong : json(200, {});
      case 'tags': {
        const tags = images.tags(route.repository);
        return tags === undefined
          ? failure(404, 'NAME_UNKNOWN', 'repository name not known to registry')
          : json(200, { name: route.repository, tags });
      }
      case 'manifest':
        if (method === 'PUT') return putManifest(route.repository, route.id, exchange);
        if (method === 'DELETE' && images.manifest(route.repository, route.id) !== undefined) {
          images.removeManifest(route.repository, route.id);
          return { status: 202 };
        }
        return isPush(method) ? wrong : manifestReply(images.manifest(route.repository, route.id));
      case 'blob':
        return isPush(method) ? wrong : blobReply(images.blob(route.repository, route.id), route.id);
      case 'upload-start': {
        if (method !== 'POST') return wrong;
        const digest = query.get('digest');
        return digest === null
          ? upload(route.repository, randomUUID(), 202, Buffer.alloc(0))
          : finish(route.repository, body, digest);
      }
      case 'upload': {
        const before = uploads.get(route.id);
        if (before === undefined) return failure(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
        const content = Buffer.concat([before, body]);
        if (method === 'PATCH') return upload(route.repository, route.id, 202, content);
        if (method === 'GET') return upload(route.repository, route.id, 204, before);
        if (method !== 'PUT') return wrong;
        uploads.delete(route.id);
        return finish(route.repository, content, query.get('digest') ?? '');
      }
    }
  };
}

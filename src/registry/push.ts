/** Puts a tiny new image into a repository, and takes it away again. */
import { createHash } from 'node:crypto';
import { describe } from './answer.ts';
import type { HttpResponse } from './http.ts';
import { isDenial } from './repository.ts';
import type { Denial, Repository } from './repository.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** `digest`: of the manifest. */
export type Pushed = { readonly state: 'pushed'; readonly digest: string } | Denial;

/** An image of one small layer whose content is `text`. Three requests a blob at most, one for the manifest. */
export async function pushImage(repository: Repository, tag: string, text: string): Promise<Pushed> {
  const config = blobOf(
    'application/vnd.oci.image.config.v1+json',
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: [digestOf(text)] },
    }),
  );
  const layer = blobOf('application/vnd.oci.image.layer.v1.tar', text);
  for (const { digest, content } of [config, layer]) {
    const trouble = await upload(repository, digest, content);
    if (trouble !== undefined) return trouble;
  }
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: config.descriptor,
    layers: [layer.descriptor],
  });
  const answer = await repository.send({
    method: 'PUT',
    path: `manifests/${tag}`,
    headers: { 'content-type': MANIFEST },
    body: manifest,
  });
  return failed(repository, answer, [201]) ?? { state: 'pushed', digest: digestOf(manifest) };
}

/** Most registries let nobody delete: then it stays, which a retention rule can end. */
export async function deleteImage(repository: Repository, digest: string): Promise<void> {
  await repository.send({ method: 'DELETE', path: `manifests/${digest}` });
}

async function upload(repository: Repository, digest: string, content: string): Promise<Denial | undefined> {
  const begun = await repository.send({ method: 'POST', path: 'blobs/uploads/' });
  const trouble = failed(repository, begun, [202]);
  if (trouble !== undefined || isDenial(begun)) return trouble;
  const location = URL.parse(begun.headers['location'] ?? '', repository.origin);
  if (location === null) return { state: 'unknown', why: `${repository.host}: gives no place for an upload` };
  location.searchParams.set('digest', digest);
  const done = await repository.send({
    method: 'PUT',
    path: location,
    headers: { 'content-type': 'application/octet-stream' },
    body: content,
  });
  return failed(repository, done, [201]);
}

function failed(
  { host, name }: Repository,
  answer: HttpResponse | Denial,
  expected: readonly number[],
): Denial | undefined {
  if (isDenial(answer)) return answer;
  if (expected.includes(answer.status)) return undefined;
  const state = answer.status === 401 || answer.status === 403 ? 'refused' : 'unknown';
  return { state, status: answer.status, why: `${host}/${name}: a push is answered with ${describe(answer)}` };
}

interface Blob {
  readonly digest: string;
  readonly content: string;
  readonly descriptor: { readonly mediaType: string; readonly digest: string; readonly size: number };
}

function blobOf(mediaType: string, content: string): Blob {
  const digest = digestOf(content);
  return { digest, content, descriptor: { mediaType, digest, size: Buffer.byteLength(content) } };
}

const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

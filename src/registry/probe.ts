/** Checks whether an image can be pulled: asks a registry or cache proxy for its manifest, and downloads nothing else. */
import { describe, errorCode, isHtml, isRefusal } from './answer.ts';
import { isImage } from './endpoint.ts';
import type { HttpMethod, HttpResponse } from './http.ts';
import { isDenial, openRepository } from './repository.ts';
import type { Denial, Repository, RepositoryAccess } from './repository.ts';

export interface ManifestProbe extends RepositoryAccess {
  /** A tag or a digest. */
  readonly reference: string;
}

export interface ProbeResult {
  /** `refused`: 401 or 403. `missing`: 404, which a cache proxy also answers when its upstream login is refused. */
  readonly state: 'served' | 'refused' | 'missing' | 'unknown';
  /** HTTP status of the last answer, of the registry or its token server; undefined if there was none. */
  readonly status?: number;
  /** The registry's error code, of `missing`. */
  readonly code?: string;
  /** `sha256:...`, as the server states it. */
  readonly digest?: string;
  /** One line, without any part of the login. */
  readonly why: string;
}

/** The server picks a manifest format from these; without the indexes it would have to convert, or answer 404. */
const ACCEPT = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');
/** The distribution specification lets registries refuse larger manifests. */
const MAX_BYTES = 4 * 1024 * 1024;
/** For an answer without content. */
const MAX_ERROR_BYTES = 64 * 1024;
/** Proxies without HEAD answer with one of these; the GET is decisive, and has the registry's error code. */
const ASK_AGAIN = [400, 404, 405, 501];

/** Up to 6 requests. Rejects only with the reason of an aborted `signal`. */
export async function probeManifest({ reference, ...access }: ManifestProbe): Promise<ProbeResult> {
  const opened = openRepository(access);
  return 'send' in opened ? askManifest(opened, reference) : opened;
}

/** The same at a repository that was opened: goes on with its token. */
export async function askManifest(repository: Repository, reference: string): Promise<ProbeResult> {
  const { host, name } = repository;
  if (!isImage(name, reference)) return { state: 'unknown', why: `${host}: the image to ask for is malformed` };
  const image = `${host}/${name}${reference.includes(':') ? '@' : ':'}${reference}`;
  const send = (method: HttpMethod): Promise<HttpResponse | Denial> =>
    repository.send({
      method,
      path: `manifests/${reference}`,
      // An answer from an HTTP cache on the way would be as old as that.
      headers: { accept: ACCEPT, 'cache-control': 'no-cache' },
      maxBytes: MAX_BYTES,
    });
  const head = await send('HEAD');
  const response = !isDenial(head) && ASK_AGAIN.includes(head.status) ? await send('GET') : head;
  if (!isDenial(response)) return read(response, image);
  return response.status === undefined ? response : { ...response, why: `${image}: ${response.why}` };
}

/** The same for a blob; a server that has it would send its content, of which at most a few bytes are read. */
export async function askBlob(repository: Repository, digest: string): Promise<ProbeResult> {
  const response = await repository.send({
    method: 'GET',
    path: `blobs/${digest}`,
    headers: { 'cache-control': 'no-cache' },
    maxBytes: MAX_ERROR_BYTES,
  });
  const blob = `${repository.host}/${repository.name}@${digest.slice(0, 19)}…`;
  if (!isDenial(response)) return read(response, blob);
  return response.status === undefined ? response : { ...response, why: `${blob}: ${response.why}` };
}

function read(response: HttpResponse, image: string): ProbeResult {
  const { status, headers } = response;
  const stated = headers['docker-content-digest'];
  const digest =
    stated !== undefined && /^sha(?:256:[a-f0-9]{64}|512:[a-f0-9]{128})$/.test(stated) ? { digest: stated } : {};
  if (status === 200 && !isHtml(response)) return { state: 'served', status, ...digest, why: `${image} is served` };
  const why = `${image}: answered with ${describe(response)}`;
  if (isRefusal(response)) return { state: 'refused', status, why };
  // An HTML 404 is not from a registry (a web server, an ingress without a backend), and says nothing of the image.
  if (status === 404 && !isHtml(response)) {
    const code = errorCode(response);
    return code === undefined
      ? { state: 'missing', status, why: `${why}, without a registry's error code` }
      : { state: 'missing', status, code, why };
  }
  return { state: 'unknown', status, why };
}

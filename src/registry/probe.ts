/** Checks whether an image can be pulled: asks a registry or cache proxy for its manifest, and downloads nothing else. */
import { describe, errorCode, isHtml, isRefusal } from './answer.ts';
import { apiUrl, isImage, locateBase, pullScope } from './endpoint.ts';
import { readDemand } from './handshake.ts';
import type { HttpAuth, HttpClient, HttpMethod, HttpResponse } from './http.ts';
import { HttpError } from './http-error.ts';
import { unusable } from './login.ts';
import type { Login } from './login.ts';
import { requestToken } from './token.ts';

export interface ManifestProbe {
  /** `http://hub-cache.registry-cache:5000`; https unless it starts with `http://`. Requests go to `<base>/v2/...`. */
  readonly base: string;
  /** The repository name at `base`, with its prefix if it has one: `dockerhub/corp/app`. */
  readonly repository: string;
  /** A tag or a digest. */
  readonly reference: string;
  readonly login?: Login | undefined;
  readonly http: HttpClient;
  readonly signal?: AbortSignal | undefined;
}

export interface ProbeResult {
  /** `refused`: 401 or 403. `missing`: 404, which a cache proxy also answers when its upstream login is refused. */
  readonly state: 'served' | 'refused' | 'missing' | 'unknown';
  /** HTTP status of the last answer, of the registry or its token server; undefined if there was none. */
  readonly status?: number;
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
/** Proxies without HEAD answer with one of these; the GET is decisive, and has the registry's error code. */
const ASK_AGAIN = [400, 404, 405, 501];

/** Up to 6 requests. Rejects only with the reason of an aborted `signal`. */
export async function probeManifest(probe: ManifestProbe): Promise<ProbeResult> {
  const { repository, reference, login, signal } = probe;
  signal?.throwIfAborted();
  const located = locateBase(probe.base);
  if (!located.ok) return { state: 'unknown', why: `the registry cannot be asked: ${located.why}` };
  if (!isImage(repository, reference))
    return { state: 'unknown', why: `${located.url.host}: the image to ask for is malformed` };
  const problem = login === undefined ? undefined : unusable(login);
  if (problem !== undefined)
    return { state: 'unknown', why: `${located.url.host}: the login was not tried: ${problem}` };
  try {
    return await ask(probe, located.url);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof HttpError) return { state: 'unknown', why: `${located.url.host}: ${error.message}` };
    throw error;
  }
}

async function ask({ repository, reference, login, http, signal }: ManifestProbe, base: URL): Promise<ProbeResult> {
  const image = `${base.host}/${repository}${reference.includes(':') ? '@' : ':'}${reference}`;
  const url = apiUrl(base, `${repository}/manifests/${reference}`);
  const send = (method: HttpMethod, auth?: HttpAuth): Promise<HttpResponse> =>
    http.request({ method, url, auth, signal, headers: { accept: ACCEPT }, maxBytes: MAX_BYTES });

  let response = await sendHeadOrGet();
  if (response.status === 401) {
    const permit = await permission(response);
    if ('state' in permit) return permit;
    response = await sendHeadOrGet(permit);
  }
  return read(response, image);

  async function sendHeadOrGet(auth?: HttpAuth): Promise<HttpResponse> {
    const head = await send('HEAD', auth);
    return ASK_AGAIN.includes(head.status) ? send('GET', auth) : head;
  }

  /** The login or token to send, or the result of the probe. */
  async function permission(refusal: HttpResponse): Promise<HttpAuth | ProbeResult> {
    const { status } = refusal;
    const demand = readDemand(refusal, base);
    if (demand.type !== 'login')
      return {
        state: 'unknown',
        status,
        why: `${image}: the registry ${demand.type === 'unknown' ? demand.why : 'is open'}`,
      };
    const { scheme } = demand;
    if (scheme.type === 'basic') {
      if (login === undefined) return { state: 'refused', status, why: `${image}: the registry asks for a login` };
      return login;
    }
    // Also without a login: public images are pulled with anonymous tokens.
    const answer = await requestToken({
      realm: scheme.realm,
      service: scheme.service,
      scope: pullScope(repository),
      login,
      http,
      signal,
    });
    return answer.state === 'issued'
      ? { bearer: answer.token }
      : { state: answer.state, status: answer.status, why: `${image}: no token to pull with: ${answer.why}` };
  }
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
  if (status === 404 && !isHtml(response))
    return {
      state: 'missing',
      status,
      why: errorCode(response) === undefined ? `${why}, without a registry's error code` : why,
    };
  return { state: 'unknown', status, why };
}

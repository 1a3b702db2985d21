/** The upstream client of the sandbox's pull-through cache: a Bearer login of its own, and no anonymous pull if that fails. */
import { Agent, request } from 'undici';

export interface UpstreamLogin {
  readonly username: string;
  readonly password: string;
}

/** `denied`: the upstream, or its token server, refused the login. `down`: no answer, or an unusable one. */
export type UpstreamAnswer =
  | { readonly type: 'found'; readonly mediaType: string; readonly content: Buffer }
  | { readonly type: 'missing' | 'denied' | 'down' };

export interface UpstreamClient {
  get(repository: string, path: string, login: UpstreamLogin | undefined): Promise<UpstreamAnswer>;
  close(): Promise<void>;
}

const ACCEPT = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  '*/*',
].join(', ');

export function createUpstreamClient(url: string, caPem?: string): UpstreamClient {
  const dispatcher = new Agent(caPem === undefined ? {} : { connect: { ca: caPem } });

  async function token(
    challenge: string,
    repository: string,
    login: UpstreamLogin | undefined,
  ): Promise<string | undefined> {
    const realm = /realm="([^"]*)"/.exec(challenge)?.[1];
    if (!challenge.startsWith('Bearer ') || realm === undefined) return undefined;
    const target = new URL(realm);
    // Its login is the upstream's: a token server elsewhere does not get it (as Distribution has it since 3.1).
    if (target.host !== new URL(url).host) return undefined;
    target.searchParams.set('service', /service="([^"]*)"/.exec(challenge)?.[1] ?? '');
    target.searchParams.set('scope', `repository:${repository}:pull`);
    const headers: Record<string, string> =
      login === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}` };
    const { statusCode, body } = await request(target, { dispatcher, headers });
    const text = await body.text();
    return statusCode === 200 ? (JSON.parse(text) as { token: string }).token : undefined;
  }

  return {
    async get(repository, path, login) {
      try {
        let answer = await request(url + path, { dispatcher, headers: { accept: ACCEPT } });
        if (answer.statusCode === 401) {
          await answer.body.dump();
          const bearer = await token(String(answer.headers['www-authenticate'] ?? ''), repository, login);
          if (bearer === undefined) return { type: 'denied' };
          answer = await request(url + path, {
            dispatcher,
            headers: { accept: ACCEPT, authorization: `Bearer ${bearer}` },
          });
        }
        const content = Buffer.from(await answer.body.arrayBuffer());
        if (answer.statusCode === 200)
          return { type: 'found', mediaType: String(answer.headers['content-type']), content };
        return {
          type:
            answer.statusCode === 404
              ? 'missing'
              : answer.statusCode === 401 || answer.statusCode === 403
                ? 'denied'
                : 'down',
        };
      } catch {
        return { type: 'down' };
      }
    },
    close: () => dispatcher.destroy(),
  };
}

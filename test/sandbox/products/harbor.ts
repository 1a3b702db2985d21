/** A stand-in for Harbor's API: registry endpoints with ping, and proxy-cache projects. Behaves as Harbor's source does. */
import { type Contract, harborContract } from './harbor-contract.ts';
import { type Call, jsonOf, loginOf, type ProductServer, type Reply, serveProduct, type Tls } from './server.ts';

export interface HarborEndpoint {
  id: number;
  name: string;
  type: string;
  url: string;
  insecure: boolean;
  description: string;
  credential?: { type: string; access_key: string; access_secret: string };
}
export interface HarborProject {
  project_id: number;
  name: string;
  registry_id?: number;
}

/** What a robot account may do; the administrator may do everything. */
export type Permission = `${'registry' | 'project'}:${'list' | 'read' | 'create' | 'update'}`;
export const ALL: readonly Permission[] = [
  'registry:list',
  'registry:read',
  'registry:create',
  'registry:update',
  'project:list',
  'project:create',
];

export interface FakeHarbor extends ProductServer {
  readonly endpoints: HarborEndpoint[];
  readonly projects: HarborProject[];
  admin: { username: string; password: string; permissions: readonly Permission[] };
  /** The registry that the endpoints point at. `failing`: an adapter that turns any trouble into its own error. */
  readonly upstream: { up: boolean; refused: Set<string>; failing: boolean };
  writes: number;
  /** Exchanges that break Harbor's published contract. */
  readonly violations: string[];
  readonly contract: Contract | undefined;
}

// Read once: it is large.
const contract = harborContract();

const TYPES = ['docker-registry', 'docker-hub', 'harbor', 'quay', 'github-ghcr', 'aws-ecr'];
type Body = Record<string, unknown>;

const failure = (status: number, code: string, message: string): Reply => ({
  status,
  body: { errors: [{ code, message }] },
});
const unhealthy = (): Reply => failure(400, 'BAD_REQUEST', 'the registry is unhealthy');
const text = (value: unknown, otherwise = ''): string => (typeof value === 'string' ? value : otherwise);

export async function startHarbor(tls?: Tls): Promise<FakeHarbor> {
  const endpoints: HarborEndpoint[] = [];
  const projects: HarborProject[] = [];
  const violations: string[] = [];
  const upstream = { up: true, refused: new Set<string>(), failing: false };
  let nextId = 1;

  const server = await serveProduct((call) => {
    const reply = answer(call);
    violations.push(...(contract?.(call, reply) ?? []));
    // Like Harbor, for browsers: who sends the cookie back must send a CSRF token with it.
    return { ...reply, headers: { 'set-cookie': 'sid=0123456789; Path=/; HttpOnly', 'x-request-id': 'r-1' } };
  }, tls);
  const harbor: FakeHarbor = Object.assign(server, {
    endpoints,
    projects,
    admin: { username: 'robot$pullpass', password: 'admin-pw-1', permissions: ALL },
    upstream,
    writes: 0,
    violations,
    contract,
  });

  /** Harbor's native health check: any trouble is "unhealthy"; without a login, 401 and 403 of the upstream are fine. */
  function health(type: string, username: string, password: string): Reply | undefined {
    if (!TYPES.includes(type)) return failure(500, 'UNKNOWN', 'internal server error');
    if (username === '' && password === '') return upstream.up ? undefined : unhealthy();
    const good = upstream.up && !upstream.refused.has(password);
    return good ? undefined : upstream.failing ? failure(500, 'UNKNOWN', 'internal server error') : unhealthy();
  }

  function answer(call: Call): Reply {
    const [username, password] = loginOf(call);
    const may = (permission: Permission): boolean => harbor.admin.permissions.includes(permission);
    const forbidden = failure(403, 'FORBIDDEN', 'forbidden');
    if (call.headers.cookie !== undefined) return failure(403, 'FORBIDDEN', 'CSRF token not found in request');
    if (username !== harbor.admin.username || password !== harbor.admin.password)
      return failure(401, 'UNAUTHORIZED', 'unauthorized');
    const body = jsonOf(call) as Body | undefined;
    const id = /^\/api\/v2\.0\/registries\/(\d+)$/.exec(call.path)?.[1];
    const route = `${call.method} ${id === undefined ? call.path.replace('/api/v2.0', '') : '/registries/{id}'}`;
    if (call.method !== 'GET' && body === undefined)
      return failure(415, 'UNSUPPORTED_MEDIA_TYPE', 'unsupported media type');
    switch (route) {
      case 'GET /registries':
        return may('registry:list') ? { status: 200, body: page(call, endpoints.map(shown)) } : forbidden;
      case 'POST /registries':
        return may('registry:create') ? create(body ?? {}) : forbidden;
      case 'POST /registries/ping':
        return may('registry:read') ? ping(body ?? {}) : forbidden;
      case 'PUT /registries/{id}':
        return may('registry:update') ? update(Number(id), body ?? {}) : forbidden;
      case 'GET /projects':
        return { status: 200, body: may('project:list') ? page(call, projects) : [] };
      case 'POST /projects':
        return may('project:create') ? createProject(body ?? {}) : forbidden;
      default:
        return failure(404, 'NOT_FOUND', 'path not found');
    }
  }

  function create(body: Body): Reply {
    const credential = (body['credential'] ?? {}) as Body;
    const name = text(body['name']);
    if (name === '' || name.length > 64) return failure(400, 'BAD_REQUEST', 'name');
    const trouble = health(text(body['type']), text(credential['access_key']), text(credential['access_secret']));
    if (trouble !== undefined) return trouble;
    if (endpoints.some((endpoint) => endpoint.name === name))
      return failure(409, 'CONFLICT', `registry ${name} already exists`);
    harbor.writes++;
    // A flat credential, as an update has it, is ignored here.
    endpoints.push({
      id: nextId++,
      name,
      type: text(body['type']),
      url: text(body['url']),
      insecure: body['insecure'] === true,
      description: text(body['description']),
      ...(body['credential'] !== undefined && {
        credential: {
          type: text(credential['type']),
          access_key: text(credential['access_key']),
          access_secret: text(credential['access_secret']),
        },
      }),
    });
    return { status: 201, headers: { location: `/api/v2.0/registries/${nextId - 1}` } };
  }

  function ping(body: Body): Reply {
    const stored = body['id'] === undefined ? undefined : endpoints.find(({ id }) => id === body['id']);
    if (body['id'] !== undefined && stored === undefined) return failure(404, 'NOT_FOUND', 'registry not found');
    const type = text(body['type'], stored?.type);
    if (type === '' || text(body['url'], stored?.url) === '')
      return failure(400, 'BAD_REQUEST', 'type or url cannot be empty');
    return (
      health(
        type,
        text(body['access_key'], stored?.credential?.access_key),
        text(body['access_secret'], stored?.credential?.access_secret),
      ) ?? { status: 200 }
    );
  }

  function update(id: number, body: Body): Reply {
    const endpoint = endpoints.find((candidate) => candidate.id === id);
    if (endpoint === undefined) return failure(404, 'NOT_FOUND', 'registry not found');
    const old = endpoint.credential ?? { type: '', access_key: '', access_secret: '' };
    const credential = {
      type: text(body['credential_type'], old.type),
      access_key: text(body['access_key'], old.access_key),
      access_secret: text(body['access_secret'], old.access_secret),
    };
    const trouble = health(endpoint.type, credential.access_key, credential.access_secret);
    if (trouble !== undefined) return trouble;
    harbor.writes++;
    Object.assign(endpoint, {
      credential,
      name: text(body['name'], endpoint.name),
      url: text(body['url'], endpoint.url),
      description: text(body['description'], endpoint.description),
    });
    return { status: 200 };
  }

  function createProject(body: Body): Reply {
    const name = text(body['project_name']);
    if (!/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(name))
      return failure(400, 'BAD_REQUEST', 'project name is not in lower case or contains illegal characters');
    if (body['registry_id'] !== undefined && !endpoints.some(({ id }) => id === body['registry_id']))
      return failure(400, 'BAD_REQUEST', 'registry not found');
    if (projects.some((project) => project.name === name))
      return failure(409, 'CONFLICT', 'The project named already exists');
    harbor.writes++;
    projects.push({
      project_id: nextId++,
      name,
      ...(typeof body['registry_id'] === 'number' && { registry_id: body['registry_id'] }),
    });
    return { status: 201 };
  }

  return harbor;
}

const shown = (endpoint: HarborEndpoint): object => ({
  ...endpoint,
  status: 'healthy',
  ...(endpoint.credential && { credential: { ...endpoint.credential, access_secret: '*****' } }),
});

/** `q=name=X`: exact. Like Harbor, which unescapes the value once more. */
function page<T extends object>({ query }: Call, all: readonly T[]): T[] {
  const wanted = /^name=(.+)$/.exec(decodeURIComponent(query.get('q') ?? '').split(',')[0] ?? '')?.[1];
  const size = Number(query.get('page_size') ?? 10);
  const start = (Number(query.get('page') ?? 1) - 1) * size;
  return all.filter((one) => wanted === undefined || ('name' in one && one.name === wanted)).slice(start, start + size);
}

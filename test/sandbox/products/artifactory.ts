/** A stand-in for Artifactory's repository API: read and partial update of a remote repository. */
import { z } from 'zod';
import { type Call, jsonOf, loginOf, type ProductServer, type Reply, serveProduct, type Tls } from './server.ts';

export interface ArtifactoryRepository {
  key: string;
  rclass: 'local' | 'remote' | 'virtual';
  packageType: string;
  url: string;
  description: string;
  username?: string;
  password?: string;
  blockPushingSchema1: boolean;
}

export interface FakeArtifactory extends ProductServer {
  readonly repositories: Map<string, ArtifactoryRepository>;
  admin: { username: string; password: string; token: string; isAdmin: boolean };
  /** The open-source edition answers 400 to an update. */
  pro: boolean;
  writes: number;
  readonly violations: string[];
}

const update = z
  .strictObject({
    key: z.string(),
    rclass: z.string(),
    packageType: z.string(),
    url: z.url(),
    description: z.string(),
    username: z.string(),
    password: z.string(),
  })
  .partial();
const ROOT = '/artifactory/api/repositories/';
const failure = (status: number, message: string): Reply => ({ status, body: { errors: [{ status, message }] } });

export async function startArtifactory(tls?: Tls): Promise<FakeArtifactory> {
  const repositories = new Map<string, ArtifactoryRepository>();
  const violations: string[] = [];
  const server = await serveProduct(answer, tls);
  const artifactory: FakeArtifactory = Object.assign(server, {
    repositories,
    admin: { username: 'pullpass', password: 'admin-pw-1', token: 'admin-token-1', isAdmin: true },
    pro: true,
    writes: 0,
    violations,
  });

  function answer(call: Call): Reply {
    const { username, password, token, isAdmin } = artifactory.admin;
    const login = loginOf(call).join(':');
    if (login !== `${username}:${password}` && login !== token) return failure(401, 'Bad credentials');
    if (!isAdmin) return failure(403, 'Forbidden');
    const current = call.path.startsWith(ROOT)
      ? repositories.get(decodeURIComponent(call.path.slice(ROOT.length)))
      : undefined;
    if (call.query.size > 0) violations.push(`${call.method} ${call.path}: no query is known`);
    if (current === undefined) return failure(400, 'Bad Request');
    // A stored password comes back encrypted.
    if (call.method === 'GET')
      return { status: 200, body: { ...current, ...(current.password !== undefined && { password: 'AM.encrypted' }) } };
    if (call.method !== 'POST') return failure(405, 'Method Not Allowed');
    if (!artifactory.pro) return failure(400, 'This REST API is available only in Artifactory Pro');
    const parsed = update.safeParse(jsonOf(call));
    if (!parsed.success) {
      violations.push(...parsed.error.issues.map((issue) => `POST ${issue.path.join('.')}: ${issue.message}`));
      return failure(400, 'Bad Request');
    }
    artifactory.writes++;
    Object.assign(current, parsed.data);
    return {
      status: 200,
      body: `Repository ${current.key} update successfully.\n`,
      headers: { 'content-type': 'text/plain' },
    };
  }
  return artifactory;
}

/** A stand-in for GitLab's GraphQL API: the dependency proxy settings of groups. Knows two operations, each in its exact form. */
import { z } from 'zod';
import { type Call, jsonOf, loginOf, type ProductServer, type Reply, serveProduct, type Tls } from './server.ts';

export interface GitlabGroup {
  enabled: boolean;
  identity: string | null;
  secret: string | null;
}

export interface FakeGitlab extends ProductServer {
  readonly groups: Map<string, GitlabGroup>;
  admin: { token: string; owner: boolean };
  /** 1710 is 17.10; before, it knows `enabled` only. */
  version: number;
  /** Its feature flag dependency_proxy_containers_docker_hub_credentials: off, identity and secret are ignored and not shown. */
  flag: boolean;
  writes: number;
  readonly violations: string[];
}

const request = z.discriminatedUnion('operation', [
  z.strictObject({
    operation: z.literal('update'),
    query: z.string(),
    variables: z.strictObject({
      input: z.strictObject({
        groupPath: z.string(),
        enabled: z.boolean().optional(),
        identity: z.string().optional(),
        secret: z.string().optional(),
      }),
    }),
  }),
  z.strictObject({ operation: z.literal('read'), query: z.string(), variables: z.strictObject({ group: z.string() }) }),
]);

/** Selections, operation and variable types as GitLab's schema has them: names in the selection may be left out. */
const MUTATION =
  /^mutation \w+\(\$input: UpdateDependencyProxySettingsInput!\) \{ updateDependencyProxySettings\(input: \$input\) \{ dependencyProxySetting \{ (?:enabled )?identity \} errors \} \}$/;
const QUERY =
  /^query \w+\(\$group: ID!\) \{ group\(fullPath: \$group\) \{ dependencyProxySetting \{ (?:enabled )?identity \} \} \}$/;

const failure = (message: string, status = 200): Reply => ({ status, body: { errors: [{ message }] } });
const DENIED =
  "The resource that you are attempting to access does not exist or you don't have permission to perform this action";

export async function startGitlab(tls?: Tls): Promise<FakeGitlab> {
  const groups = new Map<string, GitlabGroup>();
  const violations: string[] = [];
  const server = await serveProduct(answer, tls);
  const gitlab: FakeGitlab = Object.assign(server, {
    groups,
    admin: { token: 'glpat-admin-1', owner: true },
    version: 1710,
    flag: true,
    writes: 0,
    violations,
  });

  function answer(call: Call): Reply {
    if (`${call.method} ${call.path}` !== 'POST /api/graphql' || call.query.size > 0)
      return { status: 404, body: { error: '404 Not Found' } };
    const login = loginOf(call);
    if (login.length > 0 && login.join() !== gitlab.admin.token) return failure('Invalid token', 401);
    const json = (jsonOf(call) ?? {}) as { query?: unknown };
    const query = String(json.query).replace(/\s+/g, ' ');
    const parsed = request.safeParse({
      ...json,
      operation: MUTATION.test(query) ? 'update' : QUERY.test(query) ? 'read' : 'unknown',
    });
    if (!parsed.success) {
      violations.push(...parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
      return failure('Parse error');
    }
    if (gitlab.version < 1710) return failure("Field 'identity' doesn't exist on type 'DependencyProxySetting'");
    return parsed.data.operation === 'update' ? update(parsed.data.variables.input) : read(parsed.data.variables.group);
  }

  function update({
    groupPath,
    ...change
  }: {
    groupPath: string;
    enabled?: boolean | undefined;
    identity?: string | undefined;
    secret?: string | undefined;
  }): Reply {
    const group = gitlab.admin.owner ? groups.get(groupPath) : undefined;
    if (group === undefined)
      return {
        status: 200,
        body: {
          errors: [{ message: DENIED, path: ['updateDependencyProxySettings'] }],
          data: { updateDependencyProxySettings: null },
        },
      };
    if (!gitlab.flag) {
      delete change.identity;
      delete change.secret;
    }
    const after = { ...group, ...change };
    const error =
      after.secret && !after.identity
        ? "Identity can't be blank"
        : after.identity && !after.secret
          ? "Secret can't be blank"
          : (after.identity?.length ?? 0) > 255 || (after.secret?.length ?? 0) > 255
            ? 'Secret is too long (maximum is 255 characters)'
            : undefined;
    if (error === undefined) {
      gitlab.writes++;
      Object.assign(group, change);
    }
    const shown = error === undefined ? settingOf(group) : null;
    return {
      status: 200,
      body: {
        data: {
          updateDependencyProxySettings: { dependencyProxySetting: shown, errors: error === undefined ? [] : [error] },
        },
      },
    };
  }

  const settingOf = ({ enabled, identity }: GitlabGroup): object => ({
    enabled,
    identity: gitlab.flag ? identity : null,
  });

  function read(path: string): Reply {
    const group = groups.get(path);
    const setting = group === undefined || !gitlab.admin.owner ? null : settingOf(group);
    return { status: 200, body: { data: { group: group === undefined ? null : { dependencyProxySetting: setting } } } };
  }
  return gitlab;
}

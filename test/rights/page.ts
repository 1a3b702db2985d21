/** docs/least-privilege.md. */
import type { Attempt } from './attempt.ts';

export interface Judged {
  readonly attempt: Attempt;
  /** The answer by RBAC alone; with the policies; to an administrator; with the policies and bound to cluster-admin. */
  readonly rights: string;
  readonly held: string;
  readonly admin: string;
  readonly mistaken: string;
}

const READS = new Set(['get', 'list', 'watch', 'impersonate']);

export function page(shipped: readonly Judged[], products: readonly Judged[]): string {
  const refused = [...shipped, ...products].filter(({ held }) => held !== 'passes');
  const byPolicy = refused.filter(({ held }) => held !== 'RBAC').length;
  return `# Everything tried and denied

What somebody who has stolen the controller's token can try. A test made this page: it asked a real kube-apiserver with the shipped
[manifests](../manifests), first with their RBAC alone, then also with the policies of \`manifests/components/policies\`. It asked an
administrator's rights for the same, who was refused nothing: so none of it is refused because the request is wrong. To write the page anew:
\`npx vitest run test/rights -u\`.

**${refused.length} attempts, all refused: ${refused.length - byPolicy} by RBAC, ${byPolicy} by a policy.** What is refused by a
policy passes without the policies. The last column is for a mistake: the controller is also bound to \`cluster-admin\`. Then RBAC refuses
nothing, and only the policies are left. They never see a read or an impersonation, and Kubernetes lets no policy judge policies: whoever
may impersonate or change them is free of them.

This is with rights in all namespaces. With [a list of namespaces](namespaces.md) they end there, too: \`test/rights/listed.test.ts\` tries it.

${attempts(shipped)}

With cache proxies, a retired name and a report object in the configuration:

${attempts(products)}

## What the token is still good for

These pass with the policies, too: they are what the controller does. [Security](security.md#a-stolen-token) says what that is worth.

${table(
  ['verb', 'object', 'what'],
  [...shipped, ...products]
    .filter(({ held }) => held === 'passes')
    .map(({ attempt: { verb, on, tried } }) => [verb, on, tried]),
)}
`;
}

const attempts = (judged: readonly Judged[]): string =>
  table(
    ['verb', 'object', 'tried', 'refused by', 'bound to cluster-admin'],
    judged
      .filter(({ held }) => held !== 'passes')
      .map(({ attempt: { verb, on, tried }, held, mistaken }) => [verb, on, tried, held, lastColumn(verb, mistaken)]),
  );

/** Another answer than that of a policy: refused for something else, such as a missing object. */
function lastColumn(verb: string, mistaken: string): string {
  if (mistaken.startsWith('policy')) return mistaken;
  return READS.has(verb) ? 'passes: no write' : mistaken === 'passes' ? 'passes' : 'not reached';
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

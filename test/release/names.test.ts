/** Nothing points to a name that is not ours: whoever registered it would get people's Secrets, or run code on their machines. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { githubNames, readNames, ROOT } from '../../release/names.ts';
import { renamed } from '../../release/set-names.ts';

const names = readNames();

/** What is fetched or run, as people and machines write it. The group `name` is whose it is. */
const FETCHED: readonly RegExp[] = [
  /\boci:\/\/(?<name>[\w./:@-]+)/g,
  /^\s*(?:- )?image: *["']?(?!\w+\()(?<name>[^\s"'#]+)/gm,
  /^FROM (?:--\S+ )*(?<name>[^\s(]+)(?!\S)/gm,
  /\b(?:docker|podman|nerdctl|crictl) (?:pull|run(?: --?\S+)*) (?<name>[\w./:@-]+)/g,
  /\bhelm repo add \S+ (?<name>\S+)/g,
  /\bkubectl (?:apply|create)[^\n`]* -[fk] ?(?<name>https?:\/\/[^\s`]+)/g,
  /\b(?:npx|npm exec|bunx|pnpm dlx)(?: --?\S+)* (?<name>[@\w./-]+)/g,
  /\bnpm (?:install|i)(?: -\S+)* (?<name>[@\w./-]+)/g,
  /\bgo (?:run|install)(?: -\S+)* (?<name>[\w.][\w./-]*)/g,
  /\bcurl [^\n`|]*(?<name>https?:\/\/[^\s`"']+)/g,
  /\bgit clone (?<name>\S+)/g,
  /\buses: (?<name>[\w./-]+)/g,
  /(?<name>\bgithub\.com\/[\w.-]+\/[\w.-]+)/g,
];

/** Names of others that the repository does point to, and why. A name that ends in "/" stands for all below it. */
const ALLOWED: Readonly<Record<string, string>> = {
  'docker.io/library/registry':
    'the reference cache: Docker Official Image of Distribution; a tag, because its digest changes with its base',
  scratch: 'the base of the image: nothing',
  './pullpass-': 'the tarball that npm pack makes',
  'sigs.k8s.io/': 'Kubernetes SIGs: setup-envtest, kind',
  'actions/': "GitHub's own actions, by commit",
  'github/codeql-action/': "GitHub's own action, by commit",
  'sigstore/cosign-installer': "Sigstore's own action, by commit",
  'anchore/sbom-action/': "action of Syft's authors, by commit",
  './.github/workflows/': 'of this repository',
  'github.com/rhysd/actionlint': 'checks workflows; a Go module, pinned by version and checksum database',
  'kindest/node': 'clusters for the tests of a workflow: the kind project, by digest',
  'github.com/prometheus-operator/prometheus-operator': 'the CRDs that tests read; a Go module, likewise',
  '123456789012.dkr.ecr.eu-west-1.amazonaws.com/any':
    'a provider is asked about it: the account of the examples of AWS',
  'europe-docker.pkg.dev/PROJECT/': 'the same: PROJECT stands for yours',
  'github.com/bitnami-labs/sealed-secrets': 'the CRDs that the recipes are checked by; a Go module, likewise',
  'github.com/external-secrets/external-secrets': 'the same',
  'github.com/fluxcd/kustomize-controller': 'the same',
  'github.com/awslabs/amazon-ecr-credential-helper': 'what a provider asks in tests; a Go module, likewise',
  'github.com/yannh/kubeconform': 'checks manifests; a Go module, likewise',
  'github.com/openreports/reports-api': 'link: the API of ClusterReport',
  'github.com/cri-o/crio-credential-provider': 'link: what docs/cache-proxies/cri-o.md is about',
  vitest: 'a devDependency: npx runs that of node_modules',
};

/** For documentation (RFC 2606), of no use to anybody (RFC 6761), this machine, a variable, or a word in capitals that stands for a name. */
const NOBODYS =
  /^(?:[\w.-]+\.)?(?:example(?:\.com|\.org|\.net)?|invalid|test|localhost)(?=[/:]|$)|^127\.0\.0\.1\b|^[<${]|^(?:github\.com\/)?[A-Z]{4,}\b/;

const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' })
  .split('\0')
  .filter((file) => /\.(?:md|ya?ml|json|ts|tpl|txt|tf)$|(?:^|\/)(?:Dockerfile|[^.]+)$|^\.ci\//.test(file))
  .filter((file) => file !== 'package-lock.json' && file !== 'test/release/names.test.ts');
const text = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
const bare = (name: string): string => name.replace(/^\w+:\/\//, '');
const own = [names.image, names.chart, names.repository].map(bare);

/** Whether `name` is `prefix`, with or without a tag, digest, version or path after it. */
const within = (name: string, prefix: string): boolean =>
  name.startsWith(prefix) && (/[/-]$/.test(prefix) || /^(?:[/:@#]|$)/.test(name.slice(prefix.length)));

test('what people fetch or run by these files is ours, a placeholder, or listed here with the reason', () => {
  const prefixes = [...own, ...Object.keys(ALLOWED)];
  // Images in the fixtures of src and test are never pulled.
  const read = tracked.filter((file) => !/^(?:src|test|bench)\//.test(file));
  expect(read.length).toBeGreaterThan(60);
  const found = read.flatMap((file) =>
    FETCHED.flatMap((pattern) =>
      [...text(file).matchAll(pattern)].map((match) => bare(match.groups?.['name'] ?? '')),
    ).map((name) => ({ file, name })),
  );
  expect(found).toContainEqual({ file: 'manifests/deployment.yaml', name: `${names.image}:${names.version}` });
  expect(found.filter(({ name }) => !NOBODYS.test(name) && !prefixes.some((prefix) => within(name, prefix)))).toEqual(
    [],
  );
});

test('no file names a project, image or package "pullpass" at a host where anybody could register it', () => {
  const hosted = /(?<![\w.@/-])(?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?(?:\/[\w.-]+)*\/pullpass\b/gi;
  const found = tracked.flatMap((file) => (text(file).match(hosted) ?? []).map((name) => ({ file, name })));
  expect(found.length).toBeGreaterThan(2);
  expect(found.filter(({ name }) => !NOBODYS.test(name) && !own.some((prefix) => within(name, prefix)))).toEqual([]);
});

test('no page is said to be at the domain of the annotations, which nobody has registered for it', () => {
  expect(tracked.filter((file) => /https?:\/\/(?:[\w.-]+\.)?pullpass\.dev/.test(text(file)))).toEqual([]);
});

test('the package has no name on a registry yet: nothing says to fetch it by that name', () => {
  // `npx pullpass` without a local package runs whatever a stranger publishes under that name.
  const fetched = /\b(?:npx|npm exec|bunx|pnpm dlx)(?: --?\S+)* pullpass\b|\bnpm (?:install|i)(?: -\S+)* pullpass\b/;
  expect(tracked.filter((file) => !file.startsWith('test/') && fetched.test(text(file)))).toEqual([]);
});

test("a fork's names go everywhere where the old ones stand, and again where those stand", () => {
  const [first, second] = [githubNames('Some-Org/fork'), githubNames('other/fork-of-fork')];
  expect(first).toEqual({
    image: 'ghcr.io/some-org/fork',
    chart: 'oci://ghcr.io/some-org/fork/charts',
    repository: 'https://github.com/Some-Org/fork',
  });
  const before = `image: ${names.image}:1\nhelm install pullpass ${names.chart}/pullpass\n${names.repository}/issues\n`;
  const after = renamed(before, names, first);
  expect(after).toBe(
    'image: ghcr.io/some-org/fork:1\n' +
      'helm install pullpass oci://ghcr.io/some-org/fork/charts/pullpass\n' +
      'https://github.com/Some-Org/fork/issues\n',
  );
  expect(renamed(after, first, second)).toBe(
    'image: ghcr.io/other/fork-of-fork:1\n' +
      'helm install pullpass oci://ghcr.io/other/fork-of-fork/charts/pullpass\n' +
      'https://github.com/other/fork-of-fork/issues\n',
  );
  for (const slug of ['', 'owner', 'owner/repository/more', 'owner/re pository', 'https://github.com/owner/repository'])
    expect(() => githubNames(slug)).toThrow('is no OWNER/REPOSITORY');
});

test('package.json names one repository in all its fields', () => {
  const { homepage, bugs, repository } = JSON.parse(text('package.json')) as {
    homepage: string;
    bugs: { url: string };
    repository: { type: string; url: string };
  };
  expect({ homepage, bugs, repository }).toEqual({
    homepage: `${names.repository}#readme`,
    bugs: { url: `${names.repository}/issues` },
    repository: { type: 'git', url: `git+${names.repository}.git` },
  });
});

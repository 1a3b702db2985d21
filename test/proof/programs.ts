/** Where the products are: on PATH, or where the environment says. */
import { spawnSync } from 'node:child_process';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import type { Found } from '../sandbox/registry/on-path.ts';
import type { Harbor } from './harbor.ts';
import type { Subject } from './world.ts';

export interface FoundPrograms {
  readonly programs: { readonly upstream: string; readonly skopeo: string };
  readonly subjects: readonly Subject[];
  /** One line for each that is absent. */
  readonly missing: readonly string[];
  /** One of the products that every proof needs is absent. */
  readonly isShort: boolean;
}

/** @throws without docker-registry or skopeo: there is no upstream, or no judge. */
export function findPrograms(environment: NodeJS.ProcessEnv): FoundPrograms {
  const find = (program: string, variable: string, howToGet: string): Found => {
    const named = environment[variable];
    return named === undefined
      ? findOnPath(program, `${howToGet}; or set ${variable} to the program`, environment['PATH'])
      : { found: named };
  };
  const upstream = find('docker-registry', 'PULLPASS_PROOF_REGISTRY2', 'on Debian, apt-get install docker-registry');
  const skopeo = find('skopeo', 'PULLPASS_PROOF_SKOPEO', 'on Debian, apt-get install skopeo');
  const three = find('registry3', 'PULLPASS_PROOF_REGISTRY3', 'the registry of Distribution 3.1 or later');
  const zot = find('zot', 'PULLPASS_PROOF_ZOT', 'zot 2 with its sync extension');
  if ('missing' in upstream) throw new Error(upstream.missing);
  if ('missing' in skopeo) throw new Error(skopeo.missing);

  const named = ({ found }: { found: string }, name: string): string => `${name} ${versionOf(found)}`;
  const subjects: Subject[] = [
    {
      title: named(upstream, 'Distribution'),
      product: 'environment',
      program: upstream.found,
      kind: 'distribution',
    },
    ...('missing' in three
      ? []
      : ([
          {
            title: `${named(three, 'Distribution')}, login in the environment`,
            product: 'environment',
            program: three.found,
            kind: 'distribution',
          },
          {
            title: `${named(three, 'Distribution')}, credential helper`,
            product: 'helper',
            program: three.found,
            kind: 'distribution-helper',
          },
        ] satisfies Subject[])),
    ...('missing' in zot
      ? []
      : ([{ title: named(zot, 'zot'), product: 'zot', program: zot.found, kind: 'zot' }] satisfies Subject[])),
  ];
  const harbor = findHarbor(environment);
  if ('found' in harbor) subjects.push({ title: 'Harbor', kind: 'harbor', harbor: harbor.found });
  const missing = [three, zot].flatMap((program) => ('missing' in program ? [program.missing] : []));
  return {
    programs: { upstream: upstream.found, skopeo: skopeo.found },
    subjects,
    missing: [...missing, ...('missing' in harbor ? [harbor.missing] : [])],
    isShort: missing.length > 0,
  };
}

/** One that runs already, with a job service: nothing on PATH starts a whole Harbor. */
function findHarbor(environment: NodeJS.ProcessEnv): { readonly found: Harbor } | { readonly missing: string } {
  const url = environment['PULLPASS_PROOF_HARBOR_URL'];
  const [username = '', password = ''] = environment['PULLPASS_PROOF_HARBOR_ADMIN']?.split(/:(.*)/s) ?? [];
  return url === undefined
    ? { missing: 'Harbor: set PULLPASS_PROOF_HARBOR_URL, and PULLPASS_PROOF_HARBOR_ADMIN to user:password' }
    : { found: { url, admin: { username, password } } };
}

/** A version; a commit, if it only says that: zot logs it as JSON. */
function versionOf(program: string): string {
  const { stdout, stderr } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  const commit = /"commit":"([0-9a-z.-]+)"/.exec(`${stdout}${stderr}`)?.[1];
  return commit === undefined ? (/\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? '(unknown version)') : `(${commit})`;
}

/** What each source has to give: its last good content, kept whatever becomes of the Secret afterwards. */
import type { Configuration, SourceConfig } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { parseSecret } from '../credentials/docker-config.ts';
import { redactKey } from '../credentials/registry-name.ts';
import { renderCopy } from '../credentials/render.ts';
import type { SourceSecret } from '../kube/projections.ts';
import type { ObservedSource } from '../plan/observed.ts';
import type { World } from './world.ts';
import { keyOf, secretsOf } from './world.ts';
import type { Phase } from './canary.ts';
import type { Judgement } from './preflight.ts';

/** What became of a source since it was last looked at. */
export type SourceChange =
  | { readonly type: 'accepted'; readonly source: SourceConfig; readonly first: boolean; readonly registries: readonly string[]; readonly warnings: readonly string[] }
  | { readonly type: 'refused'; readonly source: SourceConfig; readonly problems: readonly string[]; readonly hasLastGood: boolean }
  /** What was wrong is right again, and the content is the one that was in force all the time. */
  | { readonly type: 'recovered'; readonly source: SourceConfig };

export interface SourceBook {
  /** In the order of the configuration. `namespace`: as that one is to see it; while a canary runs, not all see the same. */
  observe(namespace?: string): readonly ObservedSource[];
  /** The content with this digest, base64, or else the newest good one; undefined while there never was one. */
  content(source: string, digest?: string): string | undefined;
  /** The source's own credentials, without those of aliases, that a cache proxy is to have. */
  credentials(source: string, proxy?: string): readonly Credential[] | undefined;
  /** Looks at the stores again. Call it when they changed. */
  refresh(): SourceChange[];
  /** Takes a new configuration in force; the last good contents of sources that stay are kept. */
  configure(configuration: Configuration): void;
}

/** Whether a content may be spread. Asked again, with the same content, until it is no longer pending. */
export type Judge = (source: SourceConfig, content: string, credentials: readonly Credential[]) => Judgement;

/** Who is given the newest content while a canary runs. */
export type PhaseOf = (source: string, digest: string | undefined) => Phase;

interface Candidate {
  readonly content: string;
  readonly digest: string;
  /** With those of the aliases: all of them are spread. */
  readonly credentials: readonly Credential[];
  readonly own: readonly Credential[];
  readonly warnings: readonly string[];
}

interface Page {
  config: SourceConfig;
  /** The newest content that kubelets can use; what is in force may be an older one. */
  candidate: Candidate | undefined;
  own: readonly Credential[] | undefined;
  /** What was in force before: what all but the canaries keep for the time being. */
  before: Pick<Candidate, 'content' | 'digest' | 'own'> | undefined;
  content: string | undefined;
  digest: string | undefined;
  problems: readonly string[];
  /** Versions of the Secrets that this was made from: nothing is rendered twice. */
  basis: string | undefined;
}

/** `isRead`: whether all that a source depends on was read; before that, an absent Secret means nothing. */
export function createSourceBook(world: World, isRead: (source: SourceConfig) => boolean = () => true, judge: Judge = () => ({ state: 'accepted', notes: [] }), phaseOf: PhaseOf = () => ({ state: 'all' })): SourceBook {
  let pages = new Map<string, Page>();

  function look(page: Page): SourceChange | undefined {
    const { config } = page;
    if (!isRead(config)) return undefined;
    const refs = secretsOf(config);
    const secrets = refs.map((ref) => world.secrets.get(keyOf(ref))?.get(ref.namespace, ref.name));
    const basis = JSON.stringify(secrets.map((secret) => secret && [secret.uid, secret.resourceVersion]));
    if (basis !== page.basis) {
      page.basis = basis;
      const [secret] = secrets;
      const logins = new Map(secrets.slice(1).flatMap((login): [string, SourceSecret][] => (login ? [[login.name, login]] : [])));
      const rendered = secret === undefined ? { ok: false as const, problems: ['does not exist'] } : renderCopy(secret, config.aliases, logins);
      if (!rendered.ok || secret === undefined) {
        page.candidate = undefined;
        return refuse(page, rendered.ok ? [] : rendered.problems);
      }
      const content = Buffer.from(rendered.dockerConfigJson).toString('base64');
      const parsed = parseSecret(secret);
      page.candidate = { content, digest: world.digest(content), credentials: rendered.credentials, own: parsed.ok ? parsed.credentials : [], warnings: rendered.warnings };
    }
    return page.candidate === undefined ? undefined : consider(page, page.candidate);
  }

  function consider(page: Page, { content, digest, credentials, own, warnings }: Candidate): SourceChange | undefined {
    const { config, problems } = page;
    // What is in force already was judged when it came, and is not judged again for having been away.
    if (digest !== page.digest) {
      const judgement = judge(config, content, credentials);
      if (judgement.state === 'pending') return undefined;
      if (judgement.state === 'held back') return refuse(page, judgement.why.map((why) => `held back: ${why}`));
    }
    const first = page.digest === undefined;
    const changed = digest !== page.digest;
    if (changed && page.content !== undefined && page.digest !== undefined) page.before = { content: page.content, digest: page.digest, own: page.own ?? [] };
    Object.assign(page, { content, digest, own, problems: [] });
    if (changed) return { type: 'accepted', source: config, first, registries: credentials.map(({ key }) => redactKey(key)), warnings };
    return problems.length > 0 ? { type: 'recovered', source: config } : undefined;
  }

  function refuse(page: Page, problems: readonly string[]): SourceChange | undefined {
    const before = page.problems;
    page.problems = problems.map((problem) => `Secret ${keyOf(page.config.secret)}: ${problem}`);
    if (page.problems.join('\n') === before.join('\n')) return undefined;
    return { type: 'refused', source: page.config, problems: page.problems, hasLastGood: page.digest !== undefined };
  }

  return {
    observe: (namespace) =>
      [...pages.values()].map((page) => {
        const { config, problems } = page;
        const phase = phaseOf(config.name, page.digest);
        const digest = phase.state === 'all' || namespace === undefined || phase.canaries.namespaces.has(namespace) ? page.digest : page.before?.digest;
        const halted = phase.state === 'halted' ? phase.why.map((why) => `Secret ${keyOf(config.secret)}: halted at the canaries: ${why}`) : [];
        return { config, digest, problems: [...problems, ...halted], read: isRead(config) };
      }),
    content(source, digest) {
      const page = pages.get(source);
      return digest !== undefined && page?.before?.digest === digest ? page.before.content : page?.content;
    },
    credentials(source, proxy) {
      const page = pages.get(source);
      const phase = phaseOf(source, page?.digest);
      return phase.state === 'all' || proxy === undefined || phase.canaries.proxies.has(proxy) ? page?.own : page?.before?.own;
    },
    refresh: () => [...pages.values()].flatMap((page) => look(page) ?? []),
    configure(configuration) {
      pages = new Map(
        configuration.sources.map((config) => {
          const old = pages.get(config.name);
          // Another Secret behind the same name is another source: its predecessor's login is not a fall-back for it.
          const same = old !== undefined && keyOf(old.config.secret) === keyOf(config.secret);
          return [config.name, { config, content: same ? old.content : undefined, digest: same ? old.digest : undefined, own: same ? old.own : undefined, candidate: undefined, before: same ? old.before : undefined, problems: same ? old.problems : [], basis: undefined }];
        }),
      );
    },
  };
}

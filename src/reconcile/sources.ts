/** What each source has to give: its last good content, kept whatever becomes of the Secret afterwards. */
import type { Configuration, SourceConfig } from '../config/schema.ts';
import { redactKey } from '../credentials/registry-name.ts';
import { renderCopy } from '../credentials/render.ts';
import type { SourceSecret } from '../kube/projections.ts';
import type { ObservedSource } from '../plan/observed.ts';
import type { World } from './world.ts';
import { keyOf, secretsOf } from './world.ts';

/** What became of a source since it was last looked at. */
export type SourceChange =
  | { readonly type: 'accepted'; readonly source: SourceConfig; readonly first: boolean; readonly registries: readonly string[]; readonly warnings: readonly string[] }
  | { readonly type: 'refused'; readonly source: SourceConfig; readonly problems: readonly string[]; readonly hasLastGood: boolean }
  /** What was wrong is right again, and the content is the one that was in force all the time. */
  | { readonly type: 'recovered'; readonly source: SourceConfig };

export interface SourceBook {
  /** In the order of the configuration. */
  observe(): readonly ObservedSource[];
  /** The content to write, base64; undefined while there never was a good one. */
  content(source: string): string | undefined;
  /** Looks at the stores again. Call it when they changed. */
  refresh(): SourceChange[];
  /** Takes a new configuration in force; the last good contents of sources that stay are kept. */
  configure(configuration: Configuration): void;
}

interface Page {
  config: SourceConfig;
  content: string | undefined;
  digest: string | undefined;
  problems: readonly string[];
  /** Versions of the Secrets that this was made from: nothing is rendered twice. */
  basis: string | undefined;
}

/** `isRead`: whether all that a source depends on was read; before that, an absent Secret means nothing. */
export function createSourceBook(world: World, isRead: (source: SourceConfig) => boolean = () => true): SourceBook {
  let pages = new Map<string, Page>();

  function look(page: Page): SourceChange | undefined {
    const { config } = page;
    if (!isRead(config)) return undefined;
    const refs = secretsOf(config);
    const secrets = refs.map((ref) => world.secrets.get(keyOf(ref))?.get(ref.namespace, ref.name));
    const basis = JSON.stringify(secrets.map((secret) => secret && [secret.uid, secret.resourceVersion]));
    if (basis === page.basis) return undefined;
    page.basis = basis;

    const before = page.problems;
    const [secret] = secrets;
    const logins = new Map(secrets.slice(1).flatMap((login): [string, SourceSecret][] => (login ? [[login.name, login]] : [])));
    const rendered = secret === undefined ? { ok: false as const, problems: ['does not exist'] } : renderCopy(secret, config.aliases, logins);
    if (!rendered.ok) {
      page.problems = rendered.problems.map((problem) => `Secret ${keyOf(config.secret)}: ${problem}`);
      if (page.problems.join('\n') === before.join('\n')) return undefined;
      return { type: 'refused', source: config, problems: page.problems, hasLastGood: page.digest !== undefined };
    }
    const content = Buffer.from(rendered.dockerConfigJson).toString('base64');
    const digest = world.digest(content);
    const first = page.digest === undefined;
    const changed = digest !== page.digest;
    Object.assign(page, { content, digest, problems: [] });
    if (changed) return { type: 'accepted', source: config, first, registries: rendered.credentials.map(({ key }) => redactKey(key)), warnings: rendered.warnings };
    return before.length > 0 ? { type: 'recovered', source: config } : undefined;
  }

  return {
    observe: () => [...pages.values()].map(({ config, digest, problems }) => ({ config, digest, problems, read: isRead(config) })),
    content: (source) => pages.get(source)?.content,
    refresh: () => [...pages.values()].flatMap((page) => look(page) ?? []),
    configure(configuration) {
      pages = new Map(
        configuration.sources.map((config) => {
          const old = pages.get(config.name);
          // Another Secret behind the same name is another source: its predecessor's login is not a fall-back for it.
          const same = old !== undefined && keyOf(old.config.secret) === keyOf(config.secret);
          return [config.name, { config, content: same ? old.content : undefined, digest: same ? old.digest : undefined, problems: same ? old.problems : [], basis: undefined }];
        }),
      );
    },
  };
}

/** The controller's HTTP endpoints: health, metrics, the report. Gauges are computed at each scrape. */
import type { Configuration } from '../config/schema.ts';
import { startServer } from '../server/listener.ts';
import type { PageHandler, RunningServer } from '../server/listener.ts';
import type { Metrics } from '../server/metrics.ts';
import type { SourceBook } from '../sources/book.ts';
import type { Sources } from '../sources/loop.ts';
import { publishStandings } from './standings.ts';
import type { SourceStanding } from '../plan/namespace-plan.ts';

export interface ServingOptions {
  address: string;
  metrics: Metrics;
  /** Problems that only a restart solves, one line each. */
  livez: () => string[];
  /** Why this replica is not in step with the API server, one line each. */
  readyz: () => string[];
  sources: Pick<Sources, 'standings' | 'book'>;
  configuration: () => Configuration;
  leading: () => boolean;
  /** The standings of each namespace at its last reconcile. */
  standings: () => Iterable<readonly SourceStanding[]>;
  report: PageHandler;
}

export function startServing({
  address,
  metrics,
  livez,
  readyz,
  sources,
  configuration,
  leading,
  standings,
  report,
}: ServingOptions): Promise<RunningServer> {
  return startServer({
    address,
    livez,
    readyz,
    pages: {
      '/metrics': () => {
        const leads = leading();
        const names = configuration().sources.map(({ name }) => name);
        if (leads) {
          publishStandings(names, standings(), metrics);
          metrics.setSources(sources.book.states());
          metrics.setCredentials(sources.standings().filter(({ source }) => names.includes(source)));
          metrics.setExpiries(names.flatMap((name) => endsOf(name, sources.book)));
        }
        return metrics.exposition(leads);
      },
      '/report': report,
    },
  });
}

/** During a rollout, carriers have either content: of two logins under one key the metric takes the one that ends first. */
function endsOf(
  source: string,
  book: Pick<SourceBook, 'rollout' | 'end'>,
): Parameters<Metrics['setExpiries']>[0] extends Iterable<infer Login> ? Login[] : never {
  const { passed, newest } = book.rollout(source);
  return [...(passed?.own ?? []), ...(newest?.own ?? [])].flatMap((credential) => {
    const end = book.end(source, credential);
    return end === undefined ? [] : [{ source, key: credential.key, expiresAt: end.at, lifetimeMs: end.lifetimeMs }];
  });
}

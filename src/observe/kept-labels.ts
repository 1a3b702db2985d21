/** Which labels of namespaces are kept: those that a selector asks for. Tenants decide how many others there are. */
import { requirementsOf } from '../config/label-selector.ts';
import type { Configuration } from '../config/schema.ts';
import { UserError } from '../errors.ts';
import { byLabel } from '../plan/listed-rights.ts';

export interface KeptLabels {
  keys: ReadonlySet<string>;
  /** Id of the feed that brings them. */
  feed: string;
}

export const noLabels = (): KeptLabels => ({ keys: new Set(), feed: 'namespaces' });

interface Kept {
  readonly listed: readonly string[] | undefined;
  readonly labels: KeptLabels;
  readonly namespaces: { renew(): void };
}

/**
 * What was dropped must be read again: with labels that were not kept so far, the feed is another one.
 *
 * @throws UserError with a list of namespaces, which are not read
 */
export function keepLabels({ listed, labels, namespaces }: Kept, configuration: Configuration): void {
  const [refused] = listed === undefined ? [] : byLabel(configuration);
  if (refused !== undefined) throw new UserError(`--namespaces: ${refused}`);
  const selectors = configuration.sources.flatMap((source) => source.namespaces.selector ?? []);
  const keys = new Set(selectors.flatMap(requirementsOf).map(({ key }) => key));
  if ([...keys].every((key) => labels.keys.has(key))) return;
  labels.feed = `namespaces with labels ${Number(/\d+$/.exec(labels.feed)?.[0] ?? 0) + 1}`;
  labels.keys = keys;
  namespaces.renew();
}

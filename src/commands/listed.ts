/** What commands say about the list of namespaces (`--namespaces`). */
import type { Configuration } from '../config/schema.ts';
import { UserError } from '../errors.ts';
import type { RightsOptions } from '../plan/rights.ts';
import { admitsName } from '../plan/selection.ts';
import { beyondTheList } from '../proxies/kinds.ts';
import { quoteList } from '../text.ts';

/** Throws UserError if the configuration, or a flag, needs what a list of namespaces cannot give. */
export function refuseBeyondTheList(command: string, configuration: Configuration, controller: RightsOptions): void {
  const [first] = beyondTheList(configuration, controller);
  if (first !== undefined) throw new UserError(`${command}: --namespaces: ${first}`);
}

/** Why some of the list get nothing: at most one line. */
export function unwelcome({ sources }: Configuration, namespaces: readonly string[] = []): string[] {
  const denied = namespaces.filter((name) => !sources.some((source) => admitsName(source, name)));
  return denied.length === 0
    ? []
    : [
        `no source admits ${quoteList(denied)}, so nothing is written there: ` +
          'allow it in the configuration (sources[].namespaces), or take it off the list',
      ];
}

/** All readers, in the order in which one's Secrets are not the next one's. */
import type { Found, Spread, Tool } from './model.ts';
import type { Seen } from './observed.ts';
import { at } from './observed.ts';
import { readHandMade } from './hand-made.ts';
import { readKyverno } from './kyverno.ts';
import { readTamcore, readTitansoft } from './patchers.ts';
import { readReflector } from './reflector.ts';
import { readRegistryCreds } from './registry-creds.ts';
import { readReplicator } from './replicator.ts';

const READERS: Readonly<Record<Exclude<Tool, 'hand-made'>, (seen: Seen) => Found>> = {
  reflector: readReflector,
  replicator: readReplicator,
  kyverno: readKyverno,
  titansoft: readTitansoft,
  tamcore: readTamcore,
  'registry-creds': readRegistryCreds,
};

/** What of `tools` is there. A tool that is not asked about still keeps what is its own: that is not made by hand. */
export function findTools(seen: Seen, tools: readonly Tool[]): Found[] {
  const all = (Object.keys(READERS) as (keyof typeof READERS)[]).map((tool) => READERS[tool](seen));
  const claimed = new Set(
    all.flatMap(({ spreads }) =>
      spreads.flatMap(({ copies, origin }) => [...copies, ...('secret' in origin ? [origin.secret] : [])].map(at)),
    ),
  );
  const found = [...all, readHandMade(seen, claimed)];
  const added = new Set(found.flatMap(({ adds = [] }) => [...adds]));
  return found
    .filter(({ tool }) => tools.includes(tool))
    .map((each) => ({ ...each, spreads: each.spreads.map((spread) => forAllAccounts(spread, added)) }));
}

/** A mutation serves pods of any ServiceAccount, also of those that have none at this moment. */
const forAllAccounts = (spread: Spread, added: ReadonlySet<string>): Spread =>
  spread.copies.some(({ name }) => added.has(name)) ? { ...spread, accounts: ['*'] } : spread;

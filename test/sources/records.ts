/** What the controller would have written down of a source, for tests that begin in the middle. */
import { parseDockerConfig } from '../../src/credentials/docker-config.ts';
import { entryMac, keyId } from '../../src/sources/record.ts';
import type { State } from '../../src/observe/state.ts';
import { base64, digest } from './worlds.ts';
import type { SourceRecord } from '../../src/observe/records.ts';

export const RECORD_AT = '2030-01-01T00:00:00.000Z';

/** `content`: the Docker config that is in force everywhere. */
export function recordOf(
  state: Pick<State, 'mac'>,
  content: string,
  parts: Partial<SourceRecord> = {},
  secret = 'pullpass-system/hub',
): SourceRecord {
  const parsed = parseDockerConfig(content);
  const credentials = parsed.ok ? parsed.credentials : [];
  return {
    secret,
    removals: 0,
    letGo: [],
    passed: [digest(base64(content))],
    logins: Object.fromEntries(
      credentials.map((credential) => [keyId(state, credential.key), entryMac(state, credential)]),
    ),
    unproven: [],
    held: [],
    since: RECORD_AT,
    ...parts,
  };
}

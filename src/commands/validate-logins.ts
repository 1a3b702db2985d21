/** `pullpass validate` for a Docker config or a Secret's manifest that is to become a source: which entries kubelets can use. */
import { wall } from '../clock.ts';
import { readEnd } from '../config/times.ts';
import { guessForm, parseDockerConfig, parseSecret } from '../credentials/docker-config.ts';
import { misnamedDockerHub, quoteKey, whyMisnamed } from '../credentials/registry-name.ts';
import { WHY_CONTRADICTORY, WHY_UNUSABLE } from '../credentials/usable-login.ts';
import { ANNOTATION_EXPIRES_AT } from '../names.ts';
import { agree } from '../text.ts';
import { readSecretManifest } from './secret-manifest.ts';

/** undefined: the text is neither. Exit status 1 if it cannot be parsed or an entry is unusable. Never prints a part of a login. */
export function validateLogins(text: string, fileName: string): { text: string; exitCode: 0 | 1 } | undefined {
  const secret = readSecretManifest(text);
  if (secret === undefined && !isDockerConfig(text)) return undefined;
  const parsed = secret === undefined ? parseDockerConfig(text, guessForm(text)) : parseSecret(secret);
  if (!parsed.ok) return { text: parsed.problems.map((problem) => `${fileName}: ${problem}`).join('\n'), exitCode: 1 };
  const lines = parsed.credentials.map(({ key, unusable, contradictory }) => {
    const misnamed = misnamedDockerHub(key)?.dead === true ? whyMisnamed(key) : undefined;
    const why = unusable !== undefined ? WHY_UNUSABLE[unusable] : contradictory ? WHY_CONTRADICTORY : misnamed;
    return { isBad: why !== undefined, line: `  ${quoteKey(key)}: ${why ?? 'usable'}` };
  });
  const bad = lines.filter(({ isBad }) => isBad).length;
  const said = new Set(
    parsed.credentials.flatMap(({ key }) => [
      `registry ${quoteKey(key)}: ${WHY_CONTRADICTORY}`,
      ...(misnamedDockerHub(key)?.dead === true ? [`registry ${quoteKey(key)}: ${whyMisnamed(key)}`] : []),
      ...Object.values(WHY_UNUSABLE).map((why) => `registry ${quoteKey(key)}: ${why}`),
    ]),
  );
  const some = `${bad} of ${lines.length} entries ${agree(bad, 'has', 'have')} no login that kubelets would use`;
  return {
    text: [
      `${fileName}: ${bad === 0 ? 'every login can be used' : some}`,
      ...lines.map(({ line }) => line),
      ...parsed.warnings.filter((warning) => !said.has(warning)).map((warning) => `warning: ${warning}`),
      ...endWarnings(secret?.expiresAt),
    ].join('\n'),
    exitCode: bad === 0 ? 0 : 1,
  };
}

function endWarnings(expiresAt: string | undefined): string[] {
  const end = expiresAt === undefined ? undefined : readEnd(expiresAt, wall());
  if (end === undefined) return [];
  const problem = 'problem' in end ? end.problem : end.at <= wall() ? 'is over' : undefined;
  return problem === undefined ? [] : [`warning: annotation ${ANNOTATION_EXPIRES_AT} ${problem}`];
}

/** Decided by its keys: a configuration of Pullpass has none of these. */
function isDockerConfig(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return (
      typeof value === 'object' &&
      value !== null &&
      ('auths' in value || 'credsStore' in value || guessForm(text) === 'dockercfg')
    );
  } catch {
    return false;
  }
}

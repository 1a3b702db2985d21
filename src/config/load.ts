/** Parses text into a validated configuration, or into all problems in it with their lines. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf, UserError } from '../errors.ts';
import { complaints, wording } from './issues.ts';
import { lineOf, offsetOf } from './positions.ts';
import { ConfigurationError, type ConfigProblem } from './mistake.ts';
import { configurationSchema, type Configuration } from './schema.ts';
import { readYaml } from './yaml.ts';

export { ConfigurationError, renderProblem, type ConfigProblem } from './mistake.ts';

type ParseResult = { ok: true; configuration: Configuration } | { ok: false; problems: ConfigProblem[] };

/**
 * Checks a configuration document. Never throws; lists every problem, in the order of the text.
 *
 * @param fileName the name of the text in problems: the path as the user gave it, or `stdin`.
 */
export function parseConfiguration(text: string, fileName: string): ParseResult {
  const yaml = readYaml(text);
  const problem = ({
    offset,
    path,
    message,
  }: {
    offset: number;
    path: readonly PropertyKey[];
    message: string;
  }): ConfigProblem => {
    return { file: fileName, ...lineOf(text, offset), path: pathText(path), message };
  };
  const found = yaml.faults.map(({ offset, message }) => ({ offset, path: [] as PropertyKey[], message }));
  if ('document' in yaml) {
    const { document, value } = yaml;
    const result = configurationSchema.safeParse(value, { error: wording, reportInput: true });
    if (result.success && found.length === 0) return { ok: true, configuration: result.data };
    for (const { path, at, message } of complaints(result.error?.issues ?? [])) {
      found.push({ offset: offsetOf(document, path, at), path, message });
    }
  }
  return { ok: false, problems: found.sort((a, b) => a.offset - b.offset).map(problem) };
}

/**
 * Reads and checks the file at `path`.
 *
 * @throws UserError if the file cannot be read; ConfigurationError, one line per problem, if its content is wrong.
 */
export async function loadConfiguration(path: string): Promise<Configuration> {
  const result = parseConfiguration(await readConfigurationText(path), path);
  if (!result.ok) throw new ConfigurationError(result.problems);
  return result.configuration;
}

/** @throws UserError, one line: why the file cannot be read and what to do. */
export async function readConfigurationText(path: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (cause) {
    throw new UserError(`configuration file ${path} ${unreadable(cause)}`, { cause });
  }
}

/** `sources[0].copyName`; an empty key is shown too. */
function pathText(path: readonly PropertyKey[]): string {
  return z.core.toDotPath([...path]) || (path.length > 0 ? '[""]' : '');
}

/** Why a file cannot be read and what to do, from what the file system or the decoder threw. */
export function unreadable(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'does not exist: check the path given with --config and, in a pod, the mount of the ConfigMap';
    case 'EISDIR':
      return 'is a directory: name the file in it, such as config.yaml';
    case 'EACCES':
    case 'EPERM':
      return 'cannot be read, permission denied: make it readable for the user that Pullpass runs as';
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return 'is not UTF-8 text: save it as UTF-8';
    default:
      return `cannot be read: ${messageOf(cause)}`;
  }
}

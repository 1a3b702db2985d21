/** Parses text into a validated configuration, or into all problems in it with their lines. */
import type * as z from 'zod';
import { toDotPath } from 'zod/v4/core';
import { OUR_PREFIX } from '../names.ts';
import { cut } from '../text.ts';
import { field } from './document.ts';
import { complaints, drafts, wording, type Draft } from './issues.ts';
import { tooLong } from './known-keys.ts';
import { linesOf } from './lines.ts';
import { ConfigurationError, type ConfigProblem } from './mistake.ts';
import { readConfigurationText } from './read-file.ts';
import { CONFIGURATION_API_VERSION, configurationSchema, type Configuration } from './schema.ts';
import { readYaml } from './yaml.ts';

export { ConfigurationError, renderProblem, type ConfigProblem } from './mistake.ts';

/** A kind of document, and its schema. */
export interface DocumentForm<T> {
  readonly kind: string;
  readonly schema: z.ZodType<T>;
}

type DocumentResult<T> = { ok: true; document: T } | { ok: false; problems: ConfigProblem[] };
type ParseResult = { ok: true; configuration: Configuration } | { ok: false; problems: ConfigProblem[] };

const CONFIGURATION: DocumentForm<Configuration> = { kind: 'Configuration', schema: configurationSchema };

/** How many are listed: who has more has given the wrong file. */
export const MAX_PROBLEMS = 50;
/** Characters of a key in a path. */
const MAX_KEY = 100;

/**
 * Checks a configuration document. Never throws; lists the problems in the order of the text.
 *
 * @param fileName the name of the text in problems: the path as the user gave it, or `stdin`.
 */
export function parseConfiguration(text: string, fileName: string): ParseResult {
  const result = parseDocument(text, fileName, CONFIGURATION);
  return result.ok ? { ok: true, configuration: result.document } : result;
}

/** As {@link parseConfiguration}, for any kind. */
export function parseDocument<T>(text: string, fileName: string, form: DocumentForm<T>): DocumentResult<T> {
  const yaml = readYaml(text, form.kind);
  const found: Found[] = yaml.faults.map(({ offset, message }) => ({
    path: [],
    at: 'value',
    explain: () => ({ message }),
    offset,
  }));
  if ('value' in yaml) {
    const { value, offsetOf } = yaml;
    const checked = check(value, form);
    if (checked.document !== undefined && found.length === 0) return { ok: true, document: checked.document };
    for (const draft of drafts(form.schema, checked.issues))
      found.push({ ...draft, offset: offsetOf(draft.path, draft.at) });
  }
  found.sort((a, b) => a.offset - b.offset);
  const lineOf = linesOf(text);
  const problem = (offset: number, path: readonly PropertyKey[], message: string): ConfigProblem => ({
    file: fileName,
    ...lineOf(offset),
    path: pathText(path),
    message,
  });
  // A few more than are shown: some are the consequence of another one near them, and are left out.
  const explained = complaints(found.slice(0, 4 * MAX_PROBLEMS));
  const shown = explained.slice(0, MAX_PROBLEMS).map(({ offset, path, message }) => problem(offset, path, message));
  const next = explained[MAX_PROBLEMS];
  if (next !== undefined) {
    const more = explained.length + Math.max(0, found.length - 4 * MAX_PROBLEMS) - MAX_PROBLEMS;
    shown.push(problem(next.offset, [], `and ${more} more from here on`));
  }
  return { ok: false, problems: shown };
}

interface Found extends Draft {
  offset: number;
}

function check<T>(value: unknown, { schema }: DocumentForm<T>): { issues: readonly z.core.$ZodIssue[]; document?: T } {
  const apiVersion = field(value, 'apiVersion');
  // Of another version, all further complaints would be wrong.
  if (typeof apiVersion === 'string' && apiVersion.startsWith(OUR_PREFIX) && apiVersion !== CONFIGURATION_API_VERSION)
    return { issues: [{ code: 'custom', path: ['apiVersion'], message: otherVersion(apiVersion) }] };
  const long = tooLong(schema, value);
  if (long.length > 0) return { issues: long.map((each) => ({ code: 'custom', ...each })) };
  const { success, error, data } = schema.safeParse(value, { error: wording, reportInput: true });
  return success ? { issues: [], document: data } : { issues: error.issues };
}

const otherVersion = (apiVersion: string): string =>
  `is "${fit(apiVersion)}", and this Pullpass reads "${CONFIGURATION_API_VERSION}" only: run the version of Pullpass that the file is for`;

/**
 * Reads and checks the file at `path`.
 *
 * @throws UserError if the file cannot be read; ConfigurationError, one line per problem, if its content is wrong.
 */
export async function loadConfiguration(path: string): Promise<Configuration> {
  return readConfiguration(await readConfigurationText(path), path);
}

/** As {@link parseConfiguration}, but throws ConfigurationError, one line per problem. */
export const readConfiguration = (text: string, fileName: string): Configuration =>
  readDocument(text, fileName, CONFIGURATION);

/** As {@link readConfiguration}, for any kind. */
export function readDocument<T>(text: string, fileName: string, form: DocumentForm<T>): T {
  const result = parseDocument(text, fileName, form);
  if (!result.ok) throw new ConfigurationError(result.problems);
  return result.document;
}

/** `sources[0].copyName`; an empty key is shown too. */
function pathText(path: readonly PropertyKey[]): string {
  const short = path.map((segment) => (typeof segment === 'string' ? fit(segment) : segment));
  return toDotPath(short) || (path.length > 0 ? '[""]' : '');
}

const fit = (key: string): string => (key.length > MAX_KEY ? `${cut(key, MAX_KEY)}...` : key);

/** What a fuzzed parser is, and what must hold of all of them. */

/** A credential that stands in samples: what is said of an input must not repeat it. Long enough to come from nowhere else. */
export const CREDENTIAL = 'hunter2-Zx81-s3cret';

/** One parser of text that others write. */
export interface Parser {
  readonly name: string;
  /** Real inputs. They are mutated, JSON also by its structure. */
  readonly samples: readonly string[];
  /** Pieces of the grammar that mutations put anywhere. */
  readonly words?: readonly string[];
  /** Inputs that fell once. They are tried first, always. */
  readonly fell?: readonly string[];
  /** Reads the input. Throws if something does not hold: of a declared error that it throws, only what it says. */
  readonly read: (input: string) => void | Promise<void>;
  /** Its share of the inputs, against 1 of the others: for what takes long. */
  readonly share?: number;
}

/** What is said to people: one line each, not endless, and without the credential. */
export function sayable(texts: readonly string[], { limit = 2_000, secret = true } = {}): void {
  for (const text of texts) {
    holds(text.length <= limit, `says ${text.length} characters: ${text.slice(0, 100)}`);
    holds(!/[\r\n]/.test(text), `says more than one line: ${JSON.stringify(text.slice(0, 200))}`);
    if (secret) holds(!leaks(text), `says the credential: ${text.slice(0, 300)}`);
  }
}

export const leaks = (text: string): boolean =>
  [CREDENTIAL, Buffer.from(CREDENTIAL).toString('base64').slice(0, 20)].some((part) => text.includes(part));

/** Runs it; an error must be one of the declared kinds, and is returned. */
export function declared(kinds: readonly (new (...args: never[]) => Error)[], run: () => unknown): Error | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof Error && kinds.some((kind) => error instanceof kind)) return error;
    throw error;
  }
}

export async function declaredAsync(
  kinds: readonly (new (...args: never[]) => Error)[],
  run: () => Promise<unknown>,
): Promise<Error | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    if (error instanceof Error && kinds.some((kind) => error instanceof kind)) return error;
    throw error;
  }
}

export function holds(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise);
}

export function same(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  holds(a === b, `${what}: ${a?.slice(0, 300)} is not ${b?.slice(0, 300)}`);
}

/** The input as JSON; undefined: it is none. */
export function asJson(input: string): unknown {
  try {
    return JSON.parse(input);
  } catch {
    return undefined;
  }
}

/** A value of any shape, as one of the shape that the API server guarantees for a map of texts. */
export function texts(value: unknown): Record<string, string> {
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, typeof each === 'string' ? each : 'x']))
    : {};
}

export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
export const memberOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;

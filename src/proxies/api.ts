/** Shared by all products with an HTTP API: the administrator's login, URLs, and one-line errors made from answers. */
import type { z } from 'zod';
import { UserError } from '../errors.ts';
import { ApiError, UnreachableError } from '../kube/api-error.ts';
import { HttpError } from '../registry/http-error.ts';
import type { HttpAuth, HttpMethod, HttpResponse } from '../registry/http.ts';
import type { ProxyContext, ProxyKube, Verdict } from './adapter.ts';
import { AdminRefusedError, LoginRefusedError } from './adapter.ts';

interface ApiConfig {
  readonly url: string;
  readonly admin: { readonly secret: { readonly namespace: string; readonly name: string } };
}

export interface Product {
  /** Such as `Harbor`. */
  readonly name: string;
  /** The object that the login is written to, such as `registry endpoint "hub"`. */
  readonly object: string;
  /** Path of its API, such as `api/v2.0`; added to the configured URL unless that ends with it. */
  readonly root: string;
  /** The kinds of administrator's login that it accepts. */
  readonly login: 'basic' | 'token' | 'any';
}

interface ApiRequest {
  readonly method: HttpMethod;
  /** Segments below the root, not encoded. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Completes the sentence "could not ...". */
  readonly to: string;
  /** Status codes that the caller handles; every other one is an error. */
  readonly expect: readonly number[];
}

interface ApiAnswer {
  readonly status: number;
  /** The body, checked against `schema`. @throws ProductError */
  read<T>(schema: z.ZodType<T>): T;
}

/** @throws AdminRefusedError (401, 403: the administrator's login), HttpError (no answer), ProductError (an unexpected answer). */
export type Api = (request: ApiRequest) => Promise<ApiAnswer>;

/** The product's answer is not as documented. Retried with backoff. */
export class ProductError extends Error {
  override name = 'ProductError';
}

/** `Harbor registry endpoint "hub"`: the beginning of every message about it. */
export const title = ({ name, object }: Pick<Product, 'name' | 'object'>): string => `${name} ${object}`;

/** Reads the administrator's login and returns the product's API. @throws UserError with the Secret and the missing key. */
export async function openApi(product: Product, config: ApiConfig, { kube, http, signal }: ProxyContext): Promise<Api> {
  const auth = await adminLogin(product, config, kube);
  return async ({ method, path, query, body, to, expect }) => {
    const url = joinUrl(config.url, product.root, path, query);
    const request = {
      method,
      url,
      auth,
      signal,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    };
    const response = await answered(title(product), to, () => http.request(request));
    check(response, { what: title(product), to, expect, admin: `the administrator's login in ${nameOf(config)}` });
    return {
      status: response.status,
      read: (schema) => read(response.body, schema, `${title(product)}: could not ${to}`),
    };
  };
}

/**
 * `token` is trimmed, because editors and shells often add white space.
 * @throws UserError
 */
export async function adminLogin(
  { name, login }: Pick<Product, 'name' | 'login'>,
  config: ApiConfig,
  kube: ProxyKube,
): Promise<HttpAuth> {
  const { username, password, token } = await kube.readSecret(config.admin.secret);
  const bearer = token?.trim();
  if (login !== 'basic' && bearer) return { bearer };
  if (login !== 'token' && username && password) return { username, password };
  const wanted =
    login === 'token'
      ? 'the key "token"'
      : username
        ? 'the key "password"'
        : password || login === 'basic'
          ? 'the key "username"'
          : 'the keys "username" and "password", or "token"';
  throw new UserError(`${nameOf(config)} lacks ${wanted}, which ${name} needs`);
}

/** Messages have no text of the server: it could repeat what it was sent. */
export function check(
  { status, headers, redirectedTo }: HttpResponse,
  { what, to, expect, admin }: { what: string; to: string; expect: readonly number[]; admin: string },
): void {
  if (status === 401) throw new AdminRefusedError(`${what}: could not ${to}: ${admin} is not accepted (HTTP 401)`);
  if (status === 403) throw new AdminRefusedError(`${what}: could not ${to}: ${admin} lacks the right to (HTTP 403)`);
  if (redirectedTo !== undefined)
    throw new ProductError(
      `${what}: could not ${to}: HTTP ${status}, a redirect that is not followed: correct its URL`,
    );
  if (!expect.includes(status)) throw new ProductError(`${what}: could not ${to}: HTTP ${status}`);
  // A login page, or the front page of another site, answers 200 to everything.
  if (/^text\/html\b/i.test(headers['content-type'] ?? ''))
    throw new ProductError(`${what}: could not ${to}: HTTP ${status} with a web page: correct its URL`);
}

/** Adds the product's name to errors of the connection to it. */
export async function answered(what: string, to: string, send: () => Promise<HttpResponse>): Promise<HttpResponse> {
  try {
    return await send();
  } catch (error) {
    throw error instanceof HttpError
      ? new HttpError(error.failure, `${what}: could not ${to}: ${error.message}`)
      : error;
  }
}

export function joinUrl(
  base: string,
  root: string,
  path: readonly string[],
  query: Readonly<Record<string, string>> = {},
): string {
  const url = new URL(base);
  const start = url.pathname.replace(/\/+$/, '');
  // A URL parser resolves "." and "..", encoded or not, as steps in the path.
  const step = path.find((segment) => /^\.{0,2}$/.test(segment));
  if (step !== undefined) throw new UserError(`"${step}" cannot be the name of an object in a cache proxy`);
  url.pathname = [`${start}/`.endsWith(`/${root}/`) ? start : `${start}/${root}`, ...path.map(encodeURIComponent)].join(
    '/',
  );
  url.search = new URLSearchParams(query).toString();
  url.hash = '';
  return url.href;
}

/**
 * The verdict of a product that says whose login it holds, but not whether it works. `held`: its user name; empty: it holds no login;
 * undefined: it does not show that. `only`: what shows more.
 */
export function holderVerdict(what: string, held: string | undefined, wanted: string, only: string): Verdict {
  if (held === wanted)
    return {
      state: 'unknown',
      why: `${what} holds a login of this user; only ${only} shows whether its password works`,
    };
  if (held === undefined) return { state: 'unknown', why: `${what} does not show whose login it holds` };
  return { state: 'refused', why: notHeld(what, held) };
}

/** The product answered, and what it holds is not what Pullpass gave it. */
export const notHeld = (what: string, held: string): string =>
  `${what} does not hold this login, but ${held === '' ? 'none' : 'that of another user'}: somebody changed it since`;

/** If the question fails, the verdict is "unknown", with the error as its reason. */
export async function verdict(ask: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await ask();
  } catch (error) {
    const known = [UserError, ProductError, LoginRefusedError, HttpError, ApiError, UnreachableError].some(
      (kind) => error instanceof kind,
    );
    if (known && error instanceof Error) return { state: 'unknown', reason: 'cache', why: error.message };
    throw error;
  }
}

function read<T>(body: string, schema: z.ZodType<T>, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new ProductError(`${what}: the answer is not JSON: correct its URL`);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new ProductError(`${what}: the answer is not of the expected shape`);
  return parsed.data;
}

const nameOf = ({ admin: { secret } }: ApiConfig): string => `Secret "${secret.namespace}/${secret.name}"`;

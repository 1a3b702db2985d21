/** What all products share that are called over HTTP: the administrator's login, URLs, and answers turned into one-line errors. */
import type { z } from 'zod';
import { UserError } from '../errors.ts';
import type { Right } from '../plan/rights.ts';
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
  /** What the login is written to, such as `registry endpoint "hub"`. */
  readonly object: string;
  /** Path of its API, such as `api/v2.0`; added to the configured URL unless that ends with it. */
  readonly root: string;
  /** Which administrator's logins it takes. */
  readonly login: 'basic' | 'token' | 'any';
}

interface ApiRequest {
  readonly method: HttpMethod;
  /** Segments below the root, as they are called: encoded here. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Completes the sentence "could not ...". */
  readonly to: string;
  /** Statuses that the caller understands; every other one is an error. */
  readonly expect: readonly number[];
}

interface ApiAnswer {
  readonly status: number;
  /** The body, checked. @throws ProductError */
  read<T>(schema: z.ZodType<T>): T;
}

/** @throws LoginRefusedError for the administrator's login (401, 403), HttpError without an answer, ProductError for a useless one. */
export type Api = (request: ApiRequest) => Promise<ApiAnswer>;

/** The product answered, and not as agreed. Tried again with backoff. */
export class ProductError extends Error {
  override name = 'ProductError';
}

/** The one right that a called product needs on the API server. */
export const adminRight = ({ admin: { secret } }: ApiConfig): Right => ({
  apiGroup: '',
  resource: 'secrets',
  verbs: ['get'],
  resourceNames: [secret.name],
  namespace: secret.namespace,
  why: 'log in to the API of a cache proxy',
});

/** `Harbor registry endpoint "hub"`: how every message about it begins. */
export const title = ({ name, object }: Pick<Product, 'name' | 'object'>): string => `${name} ${object}`;

/** Reads the administrator's login and returns the product's API. @throws UserError naming the Secret and the key that lacks. */
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
 * `token` is used without the white space around it, which editors and shells like to add.
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

/** Nothing that came from the server goes into a message: it can send back what it was sent. */
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
  // A login page, or somebody else's front page, says 200 to everything.
  if (/^text\/html\b/i.test(headers['content-type'] ?? ''))
    throw new ProductError(`${what}: could not ${to}: HTTP ${status} with a web page: correct its URL`);
}

/** Puts the product's name in front of what went wrong on the way to it. */
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
  // A URL parser takes these for steps up the path, encoded or not.
  const step = path.find((segment) => /^\.{0,2}$/.test(segment));
  if (step !== undefined) throw new UserError(`"${step}" cannot be the name of an object in a cache proxy`);
  url.pathname = [`${start}/`.endsWith(`/${root}/`) ? start : `${start}/${root}`, ...path.map(encodeURIComponent)].join(
    '/',
  );
  url.search = new URLSearchParams(query).toString();
  url.hash = '';
  return url.href;
}

/** A question that could not be asked proves nothing: its error is the reason for "unknown". */
export async function verdict(ask: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await ask();
  } catch (error) {
    const known = [UserError, ProductError, LoginRefusedError, HttpError].some((kind) => error instanceof kind);
    if (known && error instanceof Error) return { state: 'unknown', why: error.message };
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

/** Asks the program of the configuration for a login. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AskConfig, PluginConfig } from '../config/provider.ts';
import { messageOf } from '../errors.ts';
import { quoteKey } from '../credentials/registry-name.ts';
import { API_VERSION, readHelperAnswer, readPluginAnswer } from './answer.ts';
import type { Answer } from './answer.ts';
import { ProviderFailure } from './failure.ts';
import { runProgram } from './run-program.ts';

export interface AskOptions {
  /** The folder of the programs; also their PATH. */
  readonly folder: string;
  /** The value of a variable of this process. */
  readonly variable: (name: string) => string | undefined;
  readonly timeoutMs: number;
}

/** As large as the longest that an API server makes, many times over. */
const MAX_TOKEN_BYTES = 64 * 1024;

/** @throws ProviderFailure */
export type Ask = (signal: AbortSignal) => Promise<Answer>;

export function createAsk(config: AskConfig, { folder, variable, timeoutMs }: AskOptions): Ask {
  const name = 'plugin' in config ? config.plugin : config.helper;

  async function run(args: readonly string[], input: string, signal: AbortSignal): Promise<Buffer> {
    const env: Record<string, string> = { PATH: folder };
    for (const each of config.env) {
      const value = each.value ?? variable(each.name);
      if (value !== undefined) env[each.name] = value;
    }
    return runProgram({ file: join(folder, name), args, env, input, timeoutMs, signal });
  }

  return async (signal) => {
    try {
      if ('plugin' in config) {
        const request = JSON.stringify(await requestOf(config));
        return readPluginAnswer(await run(config.args, `${request}\n`, signal), config.image);
      }
      const logins = [];
      for (const registry of config.registries) {
        try {
          logins.push(readHelperAnswer(await run([...config.args, 'get'], `${registry}\n`, signal), registry));
        } catch (error) {
          throw about(`registry ${quoteKey(registry)}: it `, error);
        }
      }
      return { logins };
    } catch (error) {
      throw about(`${name}: `, error);
    }
  };
}

async function requestOf({ image, serviceAccount }: PluginConfig): Promise<object> {
  const request = { apiVersion: API_VERSION, kind: 'CredentialProviderRequest', image };
  if (serviceAccount === undefined) return request;
  const { tokenFile, annotations } = serviceAccount;
  let token: string;
  try {
    token = (await readFile(tokenFile, 'utf8')).trim();
  } catch (error) {
    throw new ProviderFailure('token', `the ServiceAccount token cannot be read: ${messageOf(error)}`);
  }
  if (token === '' || token.length > MAX_TOKEN_BYTES)
    throw new ProviderFailure('token', `${tokenFile} holds no ServiceAccount token`);
  return { ...request, serviceAccountToken: token, serviceAccountAnnotations: annotations };
}

const about = (what: string, error: unknown): unknown =>
  error instanceof ProviderFailure ? new ProviderFailure(error.reason, what + error.message, { cause: error }) : error;

/** `pullpass provider`: what it gives to the provider. */
import { loadProvider } from '../config/provider.ts';
import { UserError } from '../errors.ts';
import { createLog, LOG_LEVELS } from '../log.ts';
import { runProvider } from '../provider/provider.ts';
import { withClient } from './connect.ts';
import type { Environment } from './environment.ts';
import type { Cluster } from './options.ts';

export interface Flags extends Cluster {
  config: string;
  plugins: string;
  identity: string;
  address: string;
}

export async function run(env: Environment, { plugins, identity, address, ...flags }: Flags): Promise<void> {
  const { logLevel, variable } = env;
  if (!(LOG_LEVELS as readonly string[]).includes(logLevel))
    throw new UserError(`LOG_LEVEL is "${logLevel}": use one of ${LOG_LEVELS.join(', ')}`);
  const log = createLog(logLevel);
  const config = await loadProvider(flags.config);
  await withClient(env, flags, (client) =>
    runProvider(
      {
        client,
        config,
        folder: plugins,
        variable,
        identity,
        address,
        log,
        onListening: (url) => url !== undefined && log.info({ url }, 'serving /livez, /readyz and /metrics'),
      },
      env.untilInterrupted(),
    ),
  );
}

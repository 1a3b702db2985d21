/** One vitest that stays: told a file's text and a test file, it says whether the tests pass. Its end is its parent's business. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createVitest } from 'vitest/node';

/** Paths from the folder of the project. */
export interface Order {
  readonly file: string;
  readonly text: string;
  readonly test: string;
}

const vitest = await createVitest(
  'test',
  {
    watch: false,
    bail: 1,
    pool: 'threads',
    isolate: false,
    maxWorkers: 1,
    testTimeout: 10_000,
    setupFiles: [resolve('test/mutation/setup.ts')],
    reporters: [{}],
  },
  { cacheDir: resolve('.vite'), server: { watch: null } },
);
await vitest.standalone();

process.on('message', ({ file, text, test }: Order) => {
  writeFileSync(file, text);
  vitest.invalidateFile(resolve(file));
  void vitest.runTestSpecifications(vitest.getModuleSpecifications(resolve(test))).then(
    ({ testModules, unhandledErrors }) =>
      process.send?.(
        unhandledErrors.length === 0 && testModules.every((module) => module.moduleId !== resolve(test) || module.ok()),
      ),
    () => process.send?.(false),
  );
});
process.on('disconnect', () => process.exit());
process.send?.('ready');

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/e2e/**'],
    globalSetup: 'test/program.ts',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two servers with their clients fill two cores; more workers would only make them wait for each other.
    maxWorkers: 2,
    reporters: process.env['CI'] ? ['default', 'json'] : ['default'],
    outputFile: { json: 'coverage/report.json' },
  },
});

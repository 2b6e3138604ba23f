import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    reporters: ['./test/retried.ts', 'default'],
    projects: [
      {
        // It warns of a package's source maps that lead nowhere.
        logLevel: 'error',
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/sandbox/**', 'test/long/**'],
          testTimeout: 60_000,
          // Files share a process, and what it has loaded but the engine: what is secret in one is told in the next.
          isolate: false,
          setupFiles: 'test/fresh-engine.ts',
          // It imports JSON in a way that Node refuses.
          server: { deps: { inline: ['@actions/workflow-parser'] } },
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: 'sandbox',
          include: ['test/sandbox/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 600_000,
          isolate: false,
          setupFiles: 'test/fresh-engine.ts',
          maxWorkers: 4,
          globalSetup: ['test/sandbox/prepare.ts', 'test/sandbox/leftovers.ts'],
          // Real machines: a test that passes the second time is told as such (`retry x1`), one that fails twice fails.
          retry: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // What takes too long for every push: `npm run test:all`.
        test: {
          name: 'long',
          include: ['test/long/**/*.test.ts'],
          testTimeout: 1_800_000,
          hookTimeout: 1_800_000,
          setupFiles: 'test/fresh-engine.ts',
          maxWorkers: 1,
          fileParallelism: false,
          globalSetup: ['test/sandbox/prepare.ts', 'test/sandbox/leftovers.ts'],
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})

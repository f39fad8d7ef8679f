import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import type { Reporter } from 'vitest/node';
import { sqldIsAvailable } from './server/src/testing/sqld.ts';

const testDatabaseUrl = process.env.TEST_DATABASE_URL ?? '';

/** What knows no control database, or brings its own: running it once is enough. */
const withoutDatabase = [
  'server/src/platform/!(database|jobs|fanout)/**',
  'server/src/cli/!(master-key).test.ts',
  'server/src/modules/sync/vault/**',
  'client/src/**',
  'client/test/{browser,storage,transfer}.test.ts',
  'client/test/browser/**',
  'examples/tour/**',
];

const architecture = ['server/test/architecture.test.ts'];
const everything = ['{server,contract,client,examples,docs}/**/*.test.ts'];
/** Makes what each test's own database is copied from. */
const globalSetup = ['server/src/testing/global-setup.ts'];
const installed = ['**/node_modules/**'];

/** A part that did not run must not look like one that passed. */
const sayWhatWasSkipped: Reporter = {
  onTestRunEnd(modules) {
    if (testDatabaseUrl !== '' || !modules.some(({ project }) => project.name === 'unit/pglite')) return;
    console.log(
      '\n Skipped: the run on PostgreSQL, because TEST_DATABASE_URL is not set. The same tests ran on the embedded\n' +
        ' database. For both: TEST_DATABASE_URL=postgres://user:password@host/database npm test\n' +
        ' (a superuser: the tests make ordinary roles and give them databases).',
    );
  },
};

export default defineConfig({
  test: {
    pool: 'forks',
    // A test waits for disks and databases half of its time, so there are as many at once as there are cores.
    maxWorkers: '100%',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
    // The threads and processes of each test's service find there what those of the first one compiled.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/tests', import.meta.url)) },
    reporters: ['default', sayWhatWasSkipped],
    projects: [
      { extends: true, test: { name: 'architecture', include: architecture } },
      {
        extends: true,
        test: {
          name: 'unit/pglite',
          globalSetup,
          include: everything,
          exclude: [...installed, ...architecture],
          env: { TEST_DATABASE_URL: '' },
        },
      },
      ...(sqldIsAvailable
        ? ['remote', 'replica'].map((home) => ({
            extends: true as const,
            test: {
              name: `vaults/${home}`,
              include: ['server/src/modules/sync/vault/*.test.ts'],
              env: { TEST_VAULT_HOME: home },
            },
          }))
        : []),
      ...(testDatabaseUrl === ''
        ? []
        : [
            {
              extends: true as const,
              test: {
                name: 'postgres',
                globalSetup,
                include: ['{server,client,examples}/**/*.test.ts'],
                exclude: [...installed, ...architecture, ...withoutDatabase],
                env: { TEST_DATABASE_URL: testDatabaseUrl },
              },
            },
          ]),
    ],
  },
});

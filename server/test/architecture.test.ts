import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { findImports } from './architecture/imports.ts';
import { readSources } from './architecture/sources.ts';
import { findViolations } from './architecture/violations.ts';

const sources = readSources(fileURLToPath(new URL('../..', import.meta.url)));

test('the repository is built as planned', () => {
  expect(sources.size).toBeGreaterThan(50);
  expect(findViolations(sources)).toEqual([]);
});

const identity = 'server/src/modules/identity/service.ts';

/** What is planted, and the sentence that must come out. */
const planted: readonly (readonly [rule: string, path: string, source: string, sentence: string])[] = [
  [
    'platform knows nothing of the product',
    'server/src/platform/lock/lock.ts',
    `import { route } from '../../http/route.ts';`,
    'server/src/platform/lock/lock.ts imports server/src/http/route.ts, but platform may import only platform.',
  ],
  [
    'platform does not know who is calling',
    'server/src/platform/blobs/local.ts',
    `import type { Ctx } from '../../context.ts';`,
    'server/src/platform/blobs/local.ts imports server/src/context.ts, but platform may import only platform.',
  ],
  [
    'platform does not know a module',
    'server/src/platform/vaults/pool.ts',
    `export * from '../../modules/sync/index.ts';`,
    'server/src/platform/vaults/pool.ts imports server/src/modules/sync/index.ts, but platform may import only platform.',
  ],
  [
    'a part of the platform has one door',
    identity,
    `import { hashToken } from '../../platform/crypto/tokens.ts';`,
    `${identity} imports server/src/platform/crypto/tokens.ts, but the only door of crypto is its index.ts.`,
  ],
  [
    'a module has one door',
    'server/src/modules/sync/service.ts',
    `import { findDevice } from '../identity/store.ts';`,
    'server/src/modules/sync/service.ts imports server/src/modules/identity/store.ts, but the only door of identity is its index.ts.',
  ],
  [
    'modules import each other along their order only',
    identity,
    `const sync = await import('../sync/index.ts');`,
    `${identity} imports server/src/modules/sync/index.ts, but in the order of modules identity stands on only audit; announce an event instead.`,
  ],
  [
    'nobody imports webhooks',
    'server/src/modules/voice/service.ts',
    `import '../webhooks/index.ts';`,
    'server/src/modules/voice/service.ts imports server/src/modules/webhooks/index.ts, but in the order of modules voice stands on only assistants, audit, billing, documents, embeddings, files, identity, knowledge, llm, speech, workspaces; announce an event instead.',
  ],
  [
    'webhooks import no-one',
    'server/src/modules/webhooks/service.ts',
    `import { find } from '../identity/index.ts';`,
    'server/src/modules/webhooks/service.ts imports server/src/modules/identity/index.ts, but in the order of modules webhooks stands on no other module; announce an event instead.',
  ],
  [
    'modules know of http only what a route is',
    identity,
    `import {\n  sendProblem,\n  // the edge\n} from '../../http/problems.ts';`,
    `${identity} imports server/src/http/problems.ts, but of http, modules may import only http/route.ts.`,
  ],
  [
    'modules do not know the app',
    identity,
    `import { createApp } from "../../app.ts";`,
    `${identity} imports server/src/app.ts, but module may import only module, http, context, platform, contract.`,
  ],
  [
    'http does not know a module',
    'server/src/http/authenticate.ts',
    `import { createIdentity } from '../modules/identity/index.ts';`,
    'server/src/http/authenticate.ts imports server/src/modules/identity/index.ts, but http may import only context, platform, contract.',
  ],
  [
    'only tests import testing',
    'server/src/app.ts',
    `import { testApp } from './testing/index.ts';`,
    'server/src/app.ts imports server/src/testing/index.ts, but only tests import testing/.',
  ],
  [
    'no program imports a test',
    'server/src/http/problems.ts',
    `import './problems.test.ts';`,
    'server/src/http/problems.ts imports server/src/http/problems.test.ts, but only tests import tests.',
  ],
  [
    'a folder of tests is tests',
    'client/src/vault.ts',
    `import { openClient } from '../test/people.ts';`,
    'client/src/vault.ts imports client/test/people.ts, but only tests import tests.',
  ],
  [
    'the contract stands alone',
    'contract/src/sync.ts',
    `import { createVault } from '@alcove/client';`,
    'contract/src/sync.ts imports client/src/index.ts, but contract imports nothing else of ours.',
  ],
  [
    'the client knows only the contract',
    'client/src/index.ts',
    `import { hashToken } from '../../server/src/platform/crypto/index.ts';`,
    'client/src/index.ts imports server/src/platform/crypto/index.ts, but client may import only contract.',
  ],
  [
    'a worker thread is an import too',
    'server/src/http/http.ts',
    `new Worker(new URL('../modules/sync/worker.ts', import.meta.url));`,
    'server/src/http/http.ts imports server/src/modules/sync/worker.ts, but http may import only context, platform, contract.',
  ],
  [
    'a module is in the table',
    'server/src/modules/misc/index.ts',
    '',
    'server/src/modules/misc/index.ts belongs to misc, which is not in the table of modules.',
  ],
  [
    'a file has a place',
    'server/src/utils/strings.ts',
    '',
    'server/src/utils/strings.ts has no place in the plan of the house.',
  ],
  [
    'SQL stays in the store',
    identity,
    'const rows = sql<{ id: string }>`select id from device`;',
    `${identity} contains SQL, but SQL stands only in a store and in the program of a vault.`,
  ],
  [
    'SQL in a text is SQL',
    'server/src/modules/sync/service.ts',
    "database.exec('DELETE FROM synced_entries WHERE id = ?');",
    'server/src/modules/sync/service.ts contains SQL, but SQL stands only in a store and in the program of a vault.',
  ],
  [
    'a query builder is SQL',
    'server/src/http/problems.ts',
    "await ctx.tx.selectFrom('device').selectAll().execute();",
    'server/src/http/problems.ts contains SQL, but SQL stands only in a store and in the program of a vault.',
  ],
];

test.each(planted)('a planted violation is named: %s', (_, path, source, sentence) => {
  expect(findViolations(new Map([[path, source]]))).toEqual([sentence]);
});

describe('what is allowed stays allowed', () => {
  test.each([
    ['an earlier module by its door', identity, `import { record } from '../audit/index.ts';`],
    ['a module far down the order', 'server/src/modules/voice/service.ts', `import '../identity/index.ts';`],
    ['a route', 'server/src/modules/identity/routes.ts', `import { route } from '../../http/route.ts';`],
    ['the contract', identity, `import { Device } from '@alcove/contract/identity';`],
    [
      'a part of the platform by its door',
      'server/src/http/http.ts',
      `import '../platform/telemetry/index.ts';`,
    ],
    ['a package that is not ours', 'contract/src/common.ts', `import Type from 'typebox';`],
    [
      'an import that is only talked about',
      identity,
      `// import '../sync/index.ts'\n/* import('../sync/x.ts') */`,
    ],
    ["SQL in the edge's own store", 'server/src/http/idempotency-store.ts', 'sql`select 1 from claim`'],
    ['SQL in the program of a vault', 'server/src/modules/sync/vault/push.ts', `'DELETE FROM synced_tags'`],
    ['SQL in a store', 'server/src/modules/identity/session-store.ts', 'sql`select 1 from session`'],
    [
      'SQL that is only talked about',
      identity,
      '// sql`select id from device`\nconst note = "select a device";',
    ],
    ['a test that starts the whole app', 'client/src/vault.test.ts', `import '@alcove/server/testing';`],
  ])('%s', (_, path, source) => {
    expect(findViolations(new Map([[path, source]]))).toEqual([]);
  });
});

test('every form of import is seen', () => {
  const source = `
    import a from './a.ts';
    import { b, type B } from "./b.ts";
    import type { C } from './c.ts';
    import * as d from './d.ts';
    import {
      e, // 'not/this'
    } from './e.ts';
    import './f.ts';
    export * from './g.ts';
    export { h } from './h.ts';
    export type { I } from './i.ts';
    const j = await import('./j.ts');
    new Worker(new URL('./k.ts', import.meta.url));
    const address = 'https://example.com/import'; const m = 1; // import './not.ts'
  `;
  expect(findImports(source).sort()).toEqual([...'abcdefghijk'].map((name) => `./${name}.ts`));
});

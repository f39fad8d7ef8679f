/** Every example in the documentation comments is a program that runs, so that the documentation stays true. */
import { execFile } from 'node:child_process';
import { glob, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startTestServer, type TestServer } from '@alcove/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const client = fileURLToPath(new URL('..', import.meta.url));
// Inside the workspace, so that the examples' imports resolve as an app's would; git ignores the folder.
const folder = join(client, '.cache', `examples-${process.pid}`);
const examples = await findExamples();

let server: TestServer;

beforeAll(async () => {
  await mkdir(folder, { recursive: true });
  server = await startTestServer();
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

describe('the example in', () => {
  it.each(examples)('$place runs and holds', async ({ place, source }) => {
    const file = join(folder, `${place.replaceAll(/[^a-z0-9]+/gi, '-')}.ts`);
    await writeFile(file, source.replaceAll('http://127.0.0.1:8080', server.url));
    // All of them load the same modules; compiling these once takes a second away from each.
    const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') };
    await run(process.execPath, ['--disable-warning=ExperimentalWarning', file], { timeout: 20_000, env });
  });

  it('every documented call is there: none was lost by a change of the comments', () => {
    const documented = new Set(examples.map(({ place }) => place.split(' ')[1]));
    const calls = [
      'createClient',
      'register',
      'recover',
      'startPairing',
      'approvePairing',
      'devices',
      'renameDevice',
    ];
    const more = ['revokeDevice', 'me', 'logout', 'put', 'putMany', 'delete', 'get', 'list', 'on', 'sync'];
    const stores = ['memoryStorage', 'sqliteStorage', 'indexedDbStorage', 'Storage'];
    const account = [
      'signUp',
      'signIn',
      'resume',
      'signOut',
      'startOAuth',
      'startLink',
      'startGuest',
      'mergeGuest',
    ];
    const conflicts = ['conflicts', 'resolve', 'mergeFields', 'each', 'deriveId'];
    const files = ['exportJson', 'exportBundle', 'importDayOne', 'importMarkdown'];
    const tenancy = ['invite', 'create', 'logs', 'setLlm', 'createToken', 'api', 'export'];
    const rest = [
      'startAutoSync',
      'status',
      'AlcoveError',
      ...stores,
      ...account,
      ...tenancy,
      ...conflicts,
      ...files,
    ];
    expect([...calls, ...more, ...rest].filter((name) => !documented.has(name))).toEqual([]);
  });
});

interface Example {
  /** File and documented name. */
  readonly place: string;
  readonly source: string;
}

async function findExamples(): Promise<Example[]> {
  const found: Example[] = [];
  for await (const file of glob('src/**/*.ts', { cwd: client })) {
    const text = await readFile(join(client, file), 'utf8');
    for (const [, comment = '', name = ''] of text.matchAll(
      /\/\*\*(.*?)\*\/\s*(?:export )?(?:async |readonly )*(?:function |class |interface )?(\w+)/gs,
    )) {
      const source = /@example.*?```ts\n(.*?)```/s.exec(comment)?.[1];
      if (source !== undefined)
        found.push({ place: `${file} ${name}`, source: source.replaceAll(/^ *\* ?/gm, '') });
    }
  }
  return found.toSorted((a, b) => (a.place < b.place ? -1 : 1));
}

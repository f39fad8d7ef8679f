import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startTestServer } from '@alcove/server/testing';
import { expect, onTestFinished, test, vi } from 'vitest';

const program = fileURLToPath(new URL('main.ts', import.meta.url));

// Some of these start a whole server and walk through everything.
vi.setConfig({ testTimeout: 120_000 });

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'alcove-tour-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  /** What the tour left in the folder for temporary files. */
  readonly left: readonly string[];
}

/** What happens to the tour when its output comes to these words. */
interface Incident {
  readonly at: string;
  readonly happens: (tour: ChildProcess) => void;
}

/**
 * Runs the tour as its own process, in folders of its own, so that no .env is read and nothing left behind is missed.
 * PORT=0 is where no server can be running.
 */
async function runTour(
  { args = [], env = {} }: { args?: readonly string[]; env?: Readonly<Record<string, string>> },
  incident?: Incident,
): Promise<Run> {
  const [cwd, temporary] = await Promise.all([temporaryFolder(), temporaryFolder()]);
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { PATH: process.env.PATH, TMPDIR: temporary, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  let ahead = incident;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    if (ahead === undefined || !out.includes(ahead.at)) return;
    ahead.happens(child);
    ahead = undefined;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const [code] = await once(child, 'close');
  return { code, out, err, left: await readdir(temporary) };
}

test('with nothing running, the tour starts a server, shows everything, and leaves nothing behind, also not in the database of the settings', async () => {
  const DATABASE_URL = 'postgres://nobody:nothing@127.0.0.1:1/none';
  const { code, out, err, left } = await runTour({ env: { DATABASE_URL } });
  expect(err).toBe('');
  for (const sentence of [
    'Started one at http://127.0.0.1:',
    'All 12 entries are equal to the journal, byte for byte.',
    'A sync without a network fails (network), and loses nothing of it.',
    'is in conflict on both, and both texts are kept:',
    'Both devices hold the same 13 entries, byte for byte.',
    '0 of 10 long words of the journal',
    '0 of 5 private and vault keys of the devices',
    "The phone's next call is refused (auth.signed_out)",
    'Done: everything held.',
  ]) {
    expect(out).toContain(sentence);
  }
  expect([code, left]).toEqual([0, []]);
});

test('the tour takes the server that runs, looks into its data folder, and says what stays', async () => {
  await using server = await startTestServer();
  const port = new URL(server.url).port;
  const { code, out, err } = await runTour({ env: { PORT: port, ALCOVE_DATA_DIR: server.dataDir } });
  expect(err).toBe('');
  expect(out).toContain(`One is running at ${server.url}; the tour makes an account of its own there.`);
  expect(out).toContain('0 of 10 long words of the journal');
  expect(out).toContain(`an anonymous account in ${server.dataDir}`);
  expect(code).toBe(0);
});

test('a server whose files are elsewhere is not claimed to have been searched', async () => {
  await using server = await startTestServer();
  const { code, out } = await runTour({ env: { PORT: new URL(server.url).port } });
  expect(out).toContain('The files of this server are not to be read from here');
  expect(out).toMatch(/server sees +not examined: its files are elsewhere/);
  expect(code).toBe(0);
});

test('a journal of one entry is journal enough', async () => {
  await using server = await startTestServer();
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'only.md'), '🦭');
  const { code, out, err } = await runTour({
    args: ['--journal', folder],
    env: { PORT: new URL(server.url).port, ALCOVE_DATA_DIR: server.dataDir },
  });
  expect(err).toBe('');
  expect(out).toContain('Both devices hold the same 2 entries, byte for byte.');
  expect(code).toBe(0);
});

test.each([
  'Find a server, or start one',
  'Started one at',
  'Register the laptop',
  'See what the server sees',
])('Ctrl-C at "%s" stops the server and removes what was made', async (interruptAt) => {
  const { code, err, left } = await runTour({}, { at: interruptAt, happens: (tour) => tour.kill('SIGINT') });
  expect(err).toContain('Interrupted');
  expect([code, left]).toEqual([130, []]);
});

test('a data folder that is set is kept, and one that holds words of the journal ends the tour with exit code 1', async () => {
  const dataDir = join(await temporaryFolder(), 'data');
  const leak = () =>
    writeFileSync(join(dataDir, 'server.log'), 'pushed: {"text":"a list of Misunderstandings"}');
  const { code, out, err } = await runTour(
    { env: { ALCOVE_DATA_DIR: dataDir } },
    { at: 'Import sample-journal', happens: leak },
  );
  expect(err.trim()).toBe(
    "The tour stopped at step 9, See what the server sees: the server's data folder holds 1 of 10 words of the journal and 0 of 5 keys of the devices.",
  );
  expect(out).toContain(`${dataDir} (kept)`);
  expect(out).not.toContain('Done');
  expect([code, await readdir(dataDir)]).toEqual([1, expect.arrayContaining(['server.log', 'vaults'])]);
});

test('a server that refuses to start is quoted, and the tour ends with exit code 1', async () => {
  const { code, out, err, left } = await runTour({ env: { ALCOVE_VAULT_WORKERS: 'many' } });
  expect(err).toContain('The tour stopped at step 1, Find a server, or start one: the server did not start.');
  expect(err).toContain('ALCOVE_VAULT_WORKERS');
  expect(out).not.toContain('Done');
  expect([code, left]).toEqual([1, []]);
});

test('a journal that is none ends the tour with a sentence and exit code 1, before anything is made', async () => {
  const path = join(await temporaryFolder(), 'journal.json');
  await writeFile(path, '{"entries": []}');
  const { code, out, err, left } = await runTour({ args: ['--journal', path] });
  expect(err.trim()).toBe(
    `The journal ${path} cannot be read: its list \`entries\` is empty. A journal is a Day One JSON export or a folder of Markdown files.`,
  );
  expect([code, out, left]).toEqual([1, '', []]);
});

test('an unknown option is refused with exit code 2', async () => {
  const { code, out, err } = await runTour({ args: ['--jurnal', 'x'] });
  expect(err).toBe("Unknown option '--jurnal'.\nTry `npm run tour -- --help`.\n");
  expect([code, out]).toEqual([2, '']);
});

test('--help explains and does nothing else', async () => {
  const { code, out, err } = await runTour({ args: ['--help'] });
  expect(out).toContain('--journal FILE');
  expect([code, err]).toEqual([0, '']);
});

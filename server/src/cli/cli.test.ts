import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const bin = fileURLToPath(new URL('../../bin/alcove.mjs', import.meta.url));

/** A folder of its own, so that no .env of the developer is read. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function alcove(args: readonly string[], env: Record<string, string> = {}, cwd = temporaryFolder()) {
  const child = spawnSync(process.execPath, [bin, ...args], {
    cwd,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
  });
  return { code: child.status, out: child.stdout, err: child.stderr };
}

test.each([[[]], [['help']], [['--help']], [['-h']]])('`alcove %s` lists the commands', (args) => {
  const { code, out } = alcove(args);
  expect(code).toBe(0);
  for (const name of ['start', 'migrate', 'master-key', 'vaults', 'tour', 'settings', 'help'])
    expect(out).toContain(`  ${name}`);
});

test.each(['start', 'migrate', 'master-key', 'vaults', 'tour', 'settings'])(
  '`alcove %s` has help, by --help and by help',
  (name) => {
    const { code, out } = alcove([name, '--help']);
    expect(code).toBe(0);
    expect(out).toContain(`alcove ${name}`);
    expect(alcove(['help', name]).out).toBe(out);
  },
);

test('the version is that of the package', () => {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  expect(alcove(['--version']).out.trim()).toBe(JSON.parse(manifest).version);
});

test.each([
  [['strat'], 'There is no command "strat". Did you mean `alcove start`?'],
  [
    ['xyzzy'],
    'There is no command "xyzzy". There are start, migrate, master-key, vaults, tour, settings, help.',
  ],
  [['help', 'migrat'], 'Did you mean `alcove migrate`?'],
  [['start', '--prot', '1'], '`alcove start` has no option --prot. It knows --help.'],
  [['start', 'now'], '`alcove start` does not know what to do with "now".'],
  [['vaults', 'backup', '--all'], '`alcove vaults backup` needs --to FOLDER.'],
  [['vaults', 'backup', '--to', '/tmp'], 'needs one of --all, --vault NAME and --account ID.'],
  [['vaults', 'restore', '--vault', 'a'], '`alcove vaults restore` needs --from PATH.'],
  [['vaults', 'restore', '--from', 'a', '--vault', 'a', '--all'], 'needs one of --all, --vault NAME and'],
  [['migrate'], '`alcove migrate` needs what to do: status, up, down.'],
  [['migrate', 'upp'], '`alcove migrate` knows no what to do "upp". Did you mean up?'],
  [['migrate', 'up', '--dryrun'], '`alcove migrate` has no option --dryrun. Did you mean --dry-run?'],
  [['migrate', 'up', '--to'], 'The option --to needs a value.'],
  [['migrate', 'up', '--dry-run=yes'], 'The option --dry-run takes no value.'],
  [['tour', '--journal='], 'The option --journal needs a value.'],
])('`alcove %j` is answered with a sentence and exit code 2', (args, sentence) => {
  const { code, out, err } = alcove(args);
  expect(err).toContain(sentence);
  expect([code, out]).toEqual([2, '']);
});

test('wrong settings are listed without a stack', () => {
  const { code, err } = alcove(['start'], { PORT: 'x', ALCOVE_DATADIR: '/tmp' });
  expect(code).toBe(1);
  expect(err).toContain('2 settings need attention');
  expect(err).not.toContain('    at ');
});

test('the settings are read from .env too, and secrets are not printed', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, '.env'), 'PORT=1234\nALCOVE_OPERATOR_TOKEN=hunter2-hunter2-hunter2-hunter2\n');
  const { code, out } = alcove(['settings'], {}, folder);
  expect(code).toBe(0);
  expect(out).toContain('PORT=1234 (set)');
  expect(out).toContain('ALCOVE_OPERATOR_TOKEN=[secret]');
  expect(out).not.toContain('hunter2');
});

test('`alcove settings` fails where the start would refuse', () => {
  const { code, err } = alcove(['settings'], { PORT: 'x' });
  expect(code).toBe(1);
  expect(err).toContain('PORT: expected a whole number');
});

test('`alcove settings --example` prints .env.example', () => {
  const committed = readFileSync(new URL('../../../.env.example', import.meta.url), 'utf8');
  expect(alcove(['settings', '--example']).out).toBe(committed);
});

test('migrations go up, are listed, tried without effect, and go down again', () => {
  const cwd = temporaryFolder();
  const run = (...args: string[]) => alcove(['migrate', ...args], {}, cwd);
  expect(run('up', '--dry-run').out).toContain('tried and taken back:\n  0001_identity\n');
  expect(run('up').out).toContain('  0001_identity');
  expect(run('status').out).toMatch(/0001_identity {2}20\d\d-/);
  expect(run('up').out).toBe('Nothing to do.\n');
  expect(run('down', '--to', '0001_identity', '--dry-run').code).toBe(0);
  expect(run('down').code).toBe(0);
  expect(run('status').out).toMatch(/not applied\n$/);
});

test('an old Node is refused with a sentence that says how to get the right one', () => {
  const program = readFileSync(bin, 'utf8').replaceAll('process.versions.node', '"20.20.2"');
  const path = join(temporaryFolder(), 'alcove.mjs');
  writeFileSync(path, program);
  const child = spawnSync(process.execPath, [path, 'start'], { encoding: 'utf8' });
  expect(child.status).toBe(1);
  expect(child.stderr).toContain('Alcove needs Node 24 or newer, and this is Node 20.20.2.');
  expect(child.stderr).toContain('npm ci');
});

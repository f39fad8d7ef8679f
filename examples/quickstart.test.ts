import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startTestServer } from '@alcove/server/testing';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const program = fileURLToPath(new URL('quickstart.ts', import.meta.url));

test('the quickstart runs as it stands', async () => {
  await using server = await startTestServer();
  const { stdout, stderr } = await run(process.execPath, [program, server.url]);
  expect(stdout).toMatch(
    /^The laptop registered account [0-9a-f-]{36}\.\nThe laptop sent 1 sealed entry\.\nThe phone reads the same entry\.\n$/,
  );
  expect(stderr).toBe('');
}, 60_000);

test('without a server the quickstart fails and names what it called', async () => {
  await expect(run(process.execPath, [program, 'http://127.0.0.1:1'])).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('127.0.0.1:1'),
  });
});

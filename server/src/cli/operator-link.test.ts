import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../platform/clock/index.ts';
import { lockDataFolder } from '../platform/lock/index.ts';
import { explainFailure } from './explain.ts';
import { withOperatorLink } from './operator-link.ts';

test('a service that goes away while it is asked is told of in a sentence', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'alcove-link-'));
  await using _removed = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
  await using lock = lockDataFolder(folder, systemClock);
  await using service = createServer((request, response) =>
    request.url === '/healthz' ? response.end() : response.destroy(),
  );
  await new Promise<void>((listening) => service.listen(0, '127.0.0.1', listening));
  const { port } = service.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  lock.announce(url);
  const env = { ALCOVE_DATA_DIR: folder, ALCOVE_OPERATOR_TOKEN: 'an-operator-token-of-a-test' };
  const asked = withOperatorLink((link) => link.call('GET', '/vaults/progress'), env);
  const said = await asked.then(() => 'an answer', explainFailure);
  expect(said).toContain(`The service at ${url} gave no answer.`);
  expect(said).not.toContain('    at ');
});

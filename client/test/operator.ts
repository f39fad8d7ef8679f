/** Whoever runs the service, for tests: finds the vault of a client's account, copies it, and puts the copy back. */
import type { Client } from '@alcove/client';
import { callApi, type TestClock } from '@alcove/server/testing';
import { expect } from 'vitest';

export const operatorToken = 'an-operator-token-for-tests-only';

async function call(url: string, method: string, path: string, body?: unknown) {
  const answer = await callApi(url, method, `/admin/vaults${path}`, body, {
    authorization: `Bearer ${operatorToken}`,
  });
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200 });
  return answer.body;
}

/** Undefined as long as nothing was written. */
export async function findVault(url: string, client: Client): Promise<string | undefined> {
  return (await call(url, 'GET', `?account=${client.identity?.accountId}`)).data[0]?.name;
}

/** Copies the vault of a client's account, and gives the way to put the copy back. */
export async function backUp(url: string, client: Client, directory: string): Promise<() => Promise<void>> {
  const vault = await findVault(url, client);
  const { file } = await call(url, 'POST', '/backup', { vault, directory });
  return () => call(url, 'POST', '/restore', { vault, file });
}

/** Lets the vault of a client's account begin another history. */
export async function branch(url: string, client: Client): Promise<void> {
  await call(url, 'POST', '/branch', { vault: await findVault(url, client) });
}

/** As `backUp`; a minute passes before the copy is put back, and another one after it. */
export async function backUpForLater(
  { url, clock, directory }: { url: string; clock: TestClock; directory: string },
  client: Client,
): Promise<() => Promise<void>> {
  const restore = await backUp(url, client, directory);
  return async () => {
    clock.forward(60_000);
    await restore();
    clock.forward(60_000);
  };
}

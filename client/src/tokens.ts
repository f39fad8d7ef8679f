/** The tokens of a session as they are kept. */
import type { Tokens } from '@alcove/contract';
import { type Records, recordKeys, remove, type TokensRecord } from './records.ts';
import type { StorageWrite } from './storage/storage.ts';

/** A token that ends within this time is renewed before it is used. */
const renewEarlyMs = 60_000;

export function tokensToRecord(tokens: Tokens, accountId: string, nowMs: number): TokensRecord {
  const { accessToken, refreshToken, expiresInSeconds } = tokens;
  const accessExpiresAtMs = nowMs + expiresInSeconds * 1000;
  return { accountId, accessToken, refreshToken, accessExpiresAtMs, refreshKey: crypto.randomUUID() };
}

export function isFresh(tokens: TokensRecord, nowMs: number): boolean {
  return tokens.accessExpiresAtMs - nowMs > renewEarlyMs;
}

type WritesFor = (
  held: TokensRecord | undefined,
) => readonly StorageWrite[] | Promise<readonly StorageWrite[]>;

/** Writes what follows from the tokens that the store holds, once nobody is renewing them. */
export function replaceTokens(records: Records, writesFor: WritesFor): Promise<void> {
  return records.withLock('session', () => replaceHeld(records, writesFor));
}

/** Called with the lock of the session. Tokens of another account, which has signed in meanwhile, stay. */
export function forgetTokens(records: Records, accountId: string): Promise<void> {
  return replaceHeld(records, (held) => (held?.accountId === accountId ? [remove(recordKeys.tokens)] : []));
}

/** Anew, should another tab have been quicker. */
async function replaceHeld(records: Records, writesFor: WritesFor): Promise<void> {
  for (;;) {
    const held = await records.read(recordKeys.tokens);
    if (await records.writeIf(recordKeys.tokens, held, await writesFor(held))) return;
  }
}

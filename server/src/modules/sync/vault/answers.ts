/** Answers of pushes: how they are written as JSON, and how one with an Idempotency-Key is given again. */
import type { PushResponse, PushResult } from '@alcove/contract';
import { keyReused } from '../errors.ts';
import { type PackedResults, packResults, unpackResults } from './packed-results.ts';
import type { EnvelopeFault } from './push-envelope.ts';
import { readStored } from './stored-json.ts';
import type { VaultStore } from './vault-store.ts';

/** An answer without the items that results point at; those are JSON already, by position of the result. */
export interface Answer {
  readonly response: PushResponse;
  readonly currents: ReadonlyMap<number, string>;
}

export type PushOutput =
  | { readonly outcome: 'answered'; readonly isReplay: boolean; readonly json: Uint8Array }
  | EnvelopeFault;

const answersKeptMs = 24 * 60 * 60 * 1000;
/**
 * They are counted in no quota, so there is a bound to them: some 2 MB, and 50 MB of the largest there are. Whoever pushes
 * more than once in 17 seconds, day and night, has the changes of older requests recognised by their clocks alone.
 */
export const answersKeptMax = 5000;

/** A request with an Idempotency-Key. */
interface Attempt {
  readonly key: string;
  readonly fingerprint: string;
  readonly nowMs: number;
}

type KeptAnswer = Omit<PushResponse, 'results'> & { readonly packed: PackedResults };

/**
 * What was answered to the request when it came before; `ids` are those of its changes. Throws `idempotency.key_reused`
 * when the key was another's.
 */
export function findGiven(
  store: VaultStore,
  { key, fingerprint, nowMs }: Attempt,
  ids: readonly string[],
): PushResponse | undefined {
  const stored = store.findAnswer(key, nowMs);
  if (stored === undefined) return undefined;
  if (stored.fingerprint !== fingerprint) throw keyReused('Send a new key with a new request.');
  const { packed, ...rest } = readStored<KeptAnswer>(stored.answer);
  return { results: unpackResults(packed, ids), ...rest };
}

/** In the transaction of its effect: there is no moment in which a repetition could find one alone. */
export function keepAnswer(
  store: VaultStore,
  { key, fingerprint, nowMs }: Attempt,
  { response: { results, ...rest } }: Answer,
): void {
  const kept: KeptAnswer = { packed: packResults(results), ...rest };
  store.dropAnswers(nowMs, answersKeptMax - 1);
  store.putAnswer(key, { fingerprint, answer: JSON.stringify(kept) }, nowMs + answersKeptMs);
}

export function renderResponse({ response, currents }: Answer): Uint8Array {
  if (currents.size === 0) return Buffer.from(JSON.stringify(response));
  const { results, ...rest } = response;
  const texts = results.map((result, position) => withCurrent(result, currents.get(position)));
  return Buffer.from(`{"results":[${texts.join()}],${JSON.stringify(rest).slice(1)}`);
}

/** The one result of an answer to one change. */
export function renderResult({ response, currents }: Answer): Uint8Array {
  const [result] = response.results;
  if (result === undefined) throw new Error('one change has one result');
  return Buffer.from(withCurrent(result, currents.get(0)));
}

function withCurrent(result: PushResult, current: string | undefined): string {
  const text = JSON.stringify(result);
  return current === undefined ? text : `${text.slice(0, -1)},"current":${current}}`;
}

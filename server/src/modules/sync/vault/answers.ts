/** Answers of pushes: how they are written as JSON, and how one with an Idempotency-Key is given again. */
import type { PushResponse, PushResult } from '@alcove/contract';
import { keyReused } from '../errors.ts';
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

/** Effect and answer are stored in one transaction: there is no moment in which a repetition could find one alone. */
export function answerOnce(
  store: VaultStore,
  request: { readonly key: string; readonly fingerprint: string; readonly nowMs: number },
  act: () => Answer,
): { answer: Answer; isReplay: boolean } {
  const { key, fingerprint, nowMs } = request;
  const stored = store.findAnswer(key);
  if (stored !== undefined) {
    if (stored.fingerprint !== fingerprint) throw keyReused('Send a new key with a new request.');
    const answer = {
      response: readStored<PushResponse>(stored.answer),
      currents: readCurrents(stored.currents),
    };
    return { answer, isReplay: true };
  }
  const answer = act();
  const row = {
    fingerprint,
    answer: JSON.stringify(answer.response),
    currents: writeCurrents(answer.currents),
  };
  store.putAnswer(key, row, nowMs + answersKeptMs);
  return { answer, isReplay: false };
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

function writeCurrents(currents: Answer['currents']): string | null {
  return currents.size === 0 ? null : JSON.stringify([...currents]);
}

function readCurrents(text: string | null): Answer['currents'] {
  return new Map(text === null ? [] : readStored(text));
}

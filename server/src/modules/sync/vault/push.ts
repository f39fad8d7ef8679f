/** Takes a batch of changes: one transaction, one result per change, and one bad change never blocks the rest. */
import type { PushResponse, PushResult, Warning } from '@alcove/contract';
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import { atomicFailed, deviceCloned, keyReused, rejections, warnings } from '../errors.ts';
import { aheadMaxMs, type Batch, closeBatch, createBatch, takeChange } from './batch.ts';
import { writeCursor } from './cursor.ts';
import { fingerprint } from './fingerprint.ts';
import { type EnvelopeFault, type PushEnvelope, readEnvelope } from './push-envelope.ts';
import { createVaultStore, type VaultStore } from './vault-store.ts';

export interface PushInput {
  /** The body of the request. It is parsed here, so that the main loop never reads it. */
  readonly body: Uint8Array;
  readonly deviceId: string;
  readonly idempotencyKey: string | undefined;
  readonly nowMs: number;
}

export type PushOutput =
  | { readonly outcome: 'answered'; readonly isReplay: boolean; readonly json: Uint8Array }
  | EnvelopeFault;

/** An answer without the items that stale results point at; those are JSON already, by position of the result. */
interface Answer {
  readonly response: PushResponse;
  readonly currents: ReadonlyMap<number, string>;
}

const answersKeptMs = 24 * 60 * 60 * 1000;

export function push(vault: VaultDatabase, input: PushInput): PushOutput {
  const envelope = readEnvelope(input.body);
  if (envelope.outcome !== 'read') return envelope;
  const store = createVaultStore(vault);
  return vault.transaction(() => {
    store.dropAnswersExpiredAt(input.nowMs);
    const key = input.idempotencyKey;
    if (key !== undefined) return answerOnce(store, input, envelope, key);
    return { outcome: 'answered', isReplay: false, json: render(apply(store, input, envelope)) };
  });
}

/** Effect and answer are stored in one transaction: there is no moment in which a repetition could find one alone. */
function answerOnce(store: VaultStore, input: PushInput, envelope: PushEnvelope, key: string): PushOutput {
  const print = fingerprint(input.deviceId, envelope.parsed, input.body);
  const stored = store.findAnswer(key);
  if (stored !== undefined) {
    if (stored.fingerprint !== print) throw keyReused('Send a new key with a new request.');
    const answer = { response: JSON.parse(stored.answer), currents: readCurrents(stored.currents) };
    return { outcome: 'answered', isReplay: true, json: render(answer) };
  }
  const answer = apply(store, input, envelope);
  const row = {
    fingerprint: print,
    answer: JSON.stringify(answer.response),
    currents: writeCurrents(answer.currents),
  };
  store.putAnswer(key, row, input.nowMs + answersKeptMs);
  return { outcome: 'answered', isReplay: false, json: render(answer) };
}

function apply(store: VaultStore, input: PushInput, envelope: PushEnvelope): Answer {
  const batch = createBatch(store, input);
  refuseClone(batch, envelope);
  const results = envelope.changes.map((raw, position) => takeChange(batch, raw, position));
  if (envelope.isAtomic && results.some(failsAtomic)) throw refuseAll(results, batch);
  closeBatch(batch);
  const response = {
    results,
    cursor: writeCursor(batch.history.generation, { seq: batch.head, quietUpTo: 0 }),
    serverTime: batch.at,
    counter: batch.counter,
    warnings: warningsOf(batch),
  };
  return { response, currents: batch.currents };
}

/**
 * A vault that has more of a device than its store ever sent has it from another copy of that store. What this one calls
 * its next changes may be taken already, so none of them is looked at.
 */
function refuseClone({ counter }: Batch, { sentCounter = counter }: PushEnvelope): void {
  if (counter <= sentCounter) return;
  throw deviceCloned({
    detail: `The vault has change ${counter} of this device, whose store has sent ${sentCounter} at most. It needs a new identity.`,
    extensions: { counter },
  });
}

function failsAtomic({ status }: PushResult): boolean {
  return status === 'rejected' || status === 'stale' || status === 'conflict';
}

/** Thrown inside the transaction, so nothing stays. What would have been accepted must not read as if it were. */
function refuseAll(results: readonly PushResult[], batch: Batch) {
  const failed = results.filter(failsAtomic).length;
  return atomicFailed({
    detail: `${failed} of ${results.length} changes could not be applied. Nothing was written.`,
    extensions: {
      results: results.map((result, position) => takenBack(result, batch.currents.get(position))),
    },
  });
}

function takenBack(result: PushResult, current: string | undefined): PushResult {
  const { id, status } = result;
  if (status === 'rejected') return result;
  if (status === 'stale') return current === undefined ? result : { ...result, current: JSON.parse(current) };
  if (status === 'conflict') return { id, status };
  return {
    id,
    status: 'rejected',
    code: rejections.rolledBack,
    detail: 'nothing is wrong with this change itself',
  };
}

function warningsOf(batch: Batch): Warning[] {
  if (batch.aheadMs <= aheadMaxMs) return [];
  const seconds = Math.round(batch.aheadMs / 1000);
  const detail = `the device's clock is ${seconds} s ahead of the server's; its changes are ordered by their arrival`;
  return [{ code: warnings.clockAhead, detail }];
}

function render({ response, currents }: Answer): Uint8Array {
  if (currents.size === 0) return Buffer.from(JSON.stringify(response));
  const { results, ...rest } = response;
  const texts = results.map((result, position) =>
    withCurrent(JSON.stringify(result), currents.get(position)),
  );
  return Buffer.from(`{"results":[${texts.join()}],${JSON.stringify(rest).slice(1)}`);
}

function withCurrent(result: string, current: string | undefined): string {
  return current === undefined ? result : `${result.slice(0, -1)},"current":${current}}`;
}

function writeCurrents(currents: Answer['currents']): string | null {
  return currents.size === 0 ? null : JSON.stringify([...currents]);
}

function readCurrents(text: string | null): Answer['currents'] {
  return new Map(text === null ? [] : JSON.parse(text));
}

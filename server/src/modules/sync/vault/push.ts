/** Takes a batch of changes: one transaction, one result per change, and one bad change never blocks the rest. */
import type { PushResult, Warning } from '@alcove/contract';
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import { atomicFailed, deviceCloned, rejections, warnings } from '../errors.ts';
import { type Answer, findGiven, keepAnswer, type PushOutput, renderResponse } from './answers.ts';
import { aheadMaxMs, type Batch, closeBatch, createBatch, idOf, type Pusher, takeChange } from './batch.ts';
import { currentsOf } from './currents.ts';
import { writeCursor } from './cursor.ts';
import { fingerprint } from './fingerprint.ts';
import { type PushEnvelope, readPush } from './push-envelope.ts';
import { createVaultStore, type VaultStore } from './vault-store.ts';

export interface PushInput extends Pusher {
  /** The body of the request. It is parsed here, so that the main loop never reads it. */
  readonly body: Uint8Array;
  readonly idempotencyKey: string | undefined;
}

export function push(vault: VaultDatabase, input: PushInput): PushOutput {
  const envelope = readPush(input.body);
  if (envelope.outcome !== 'read') return envelope;
  const request = { meaning: envelope.parsed, changes: envelope.changes, render: renderResponse };
  return actOnce(vault, input, request, (store) => takeAll(createBatch(store, input), envelope));
}

/** Runs a request in one transaction; one with a key that ran before is only answered. */
export function actOnce(
  vault: VaultDatabase,
  { body, deviceId, idempotencyKey: key, nowMs }: PushInput,
  request: {
    readonly meaning: object;
    readonly changes: readonly unknown[];
    readonly render: (answer: Answer) => Uint8Array;
  },
  act: (store: VaultStore) => Answer,
): PushOutput {
  const { meaning, changes, render } = request;
  const store = createVaultStore(vault);
  return vault.transaction(() => {
    if (key === undefined) return { outcome: 'answered', isReplay: false, json: render(act(store)) };
    const attempt = { key, fingerprint: fingerprint(deviceId, meaning, body), nowMs };
    const given = findGiven(store, attempt, changes.map(idOf));
    if (given === undefined) {
      const answer = act(store);
      keepAnswer(store, attempt, answer);
      return { outcome: 'answered', isReplay: false, json: render(answer) };
    }
    const currents = currentsOf(store, given.results, { changes, deviceId });
    return { outcome: 'answered', isReplay: true, json: render({ response: given, currents }) };
  });
}

function takeAll(batch: Batch, { changes, isAtomic, sentCounter }: PushEnvelope): Answer {
  meetDevice(batch, sentCounter);
  const results = changes.map((raw, position) => takeChange(batch, raw, position));
  if (isAtomic && results.some(failsAtomic)) throw refuseAll(results, batch);
  return answerBatch(batch, results);
}

export function answerBatch(batch: Batch, results: PushResult[]): Answer {
  closeBatch(batch);
  const response = {
    results,
    cursor: writeCursor(batch.state.generation, { seq: batch.head, quietUpTo: 0 }),
    serverTime: batch.at,
    counter: batch.counter,
    ...cameWith(batch),
    warnings: warningsOf(batch),
    bytesLeft: Math.max(0, batch.limits.bytes - batch.bytes),
  };
  return { response, currents: batch.currents.byPosition };
}

/**
 * A vault that has more of a device than its store ever sent has it from another copy of that store. What this one calls
 * its next changes may be taken already, so none of them is looked at. A vault that was put back notes who comes first.
 */
export function meetDevice(batch: Batch, sentCounter: number | undefined): void {
  const { store, state, deviceId, counter, at } = batch;
  if (sentCounter === undefined) return;
  if (counter > sentCounter) {
    throw deviceCloned({
      detail: `The vault has change ${counter} of this device, whose store has sent ${sentCounter} at most. It needs a new identity.`,
      extensions: { counter, ...cameWith(batch) },
    });
  }
  if (state.restoredAt === null || store.devices.findCameWith(deviceId) !== undefined) return;
  store.devices.noteCameWith(deviceId, sentCounter, at);
  batch.counter = sentCounter;
}

function cameWith({ store, state, deviceId }: Batch): { cameWith?: number } {
  if (state.restoredAt === null) return {};
  const counter = store.devices.findCameWith(deviceId);
  return counter === undefined ? {} : { cameWith: counter };
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
      results: results.map((result, position) => takenBack(result, batch.currents.byPosition.get(position))),
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

/** Ends a conflict: one change that has seen every version of its item, or a word on what it has not seen. */
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import { conflictNotFound } from '../errors.ts';
import { type PushOutput, renderResult } from './answers.ts';
import { createBatch, takeChange } from './batch.ts';
import { actOnce, answerBatch, meetDevice, type PushInput } from './push.ts';
import { readResolve } from './push-envelope.ts';

export interface ResolveInput extends PushInput {
  readonly conflictId: string;
}

/**
 * A conflict that is resolved already takes the same change as a duplicate, and a later one as an edit of the item: who
 * was too late learns it from the result, as with a push.
 */
export function resolve(vault: VaultDatabase, input: ResolveInput): PushOutput {
  const { conflictId } = input;
  const envelope = readResolve(input.body);
  if (envelope.outcome !== 'read') return envelope;
  const request = {
    meaning: { conflictId, ...envelope.parsed },
    changes: [envelope.change],
    render: renderResult,
  };
  return actOnce(vault, input, request, (store) => {
    const conflict = store.conflicts.find(conflictId);
    if (conflict === undefined) throw conflictNotFound();
    const batch = createBatch(store, input);
    meetDevice(batch, envelope.sentCounter);
    const item = { kind: conflict.kind, id: conflict.itemId };
    return answerBatch(batch, [takeChange(batch, envelope.change, 0, item)]);
  });
}

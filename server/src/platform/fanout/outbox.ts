/** News that no transaction carries, on their way: each text once, however often it is told before it leaves. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Outbox {
  add(text: string): void;
}

const batchMax = 100;
const retryAfterMs = 500;
/** While nobody can be reached. What does not fit is missed, as news may be. */
const waitingMax = 10_000;

export function createOutbox(parts: {
  readonly send: (texts: readonly string[]) => Promise<void>;
  readonly stopping: AbortSignal;
}): Outbox {
  const { send, stopping } = parts;
  const waiting = new Set<string>();
  let isSending = false;

  async function sendAll(): Promise<void> {
    while (waiting.size > 0 && !stopping.aborted) {
      const batch = [...waiting].slice(0, batchMax);
      for (const text of batch) waiting.delete(text);
      try {
        await send(batch);
      } catch {
        for (const text of batch) waiting.add(text);
        await sleep(retryAfterMs, undefined, { signal: stopping }).catch(() => undefined);
      }
    }
    isSending = false;
  }

  return {
    add(text) {
      if (waiting.size >= waitingMax) return;
      waiting.add(text);
      if (isSending) return;
      isSending = true;
      void sendAll();
    },
  };
}

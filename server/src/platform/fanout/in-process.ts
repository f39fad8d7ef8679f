import { createListeners, type Fanout } from './fanout.ts';

/** For a node that is alone, as with the embedded database. */
export function createInProcessFanout(): Fanout {
  const { subscribe, onGap, deliver } = createListeners();
  return {
    isAlone: true,
    subscribe,
    onGap,
    isListening: () => true,
    async publish({ afterCommit }, topic, message) {
      afterCommit(() => deliver(topic, message));
    },
    tell: deliver,
    async [Symbol.asyncDispose]() {},
  };
}

/**
 * Asks for many callers at once. A question that comes while another is under way waits and goes with the next, so that
 * there is one at a time however many call, and each answer is younger than the call that it is for.
 */
export function createBatched<Key, Value>(
  ask: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>,
): (key: Key) => Promise<Value | undefined> {
  let waiting = new Map<Key, PromiseWithResolvers<Value | undefined>>();
  let isAsking = false;

  async function askInTurn(): Promise<void> {
    isAsking = true;
    while (waiting.size > 0) {
      const asked = waiting;
      waiting = new Map();
      await settle(asked);
    }
    isAsking = false;
  }

  async function settle(asked: typeof waiting): Promise<void> {
    try {
      const found = await ask([...asked.keys()]);
      for (const [key, { resolve }] of asked) resolve(found.get(key));
    } catch (error) {
      for (const { reject } of asked.values()) reject(error);
    }
  }

  return (key) => {
    const known = waiting.get(key);
    if (known !== undefined) return known.promise;
    const mine = Promise.withResolvers<Value | undefined>();
    waiting.set(key, mine);
    if (!isAsking) void askInTurn();
    return mine.promise;
  };
}

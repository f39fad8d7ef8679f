/**
 * Tells devices that there is something to pull. News between nodes are hints, so none of them is passed on: they make
 * this node look at the vault, and what it sees is compared with what each stream was told. A hint that comes twice
 * says nothing twice, and one that was lost is made up for by the next look.
 */
import type { LiveMessage } from '@alcove/contract/live';
import type { Ctx, DeviceActor } from '../../../context.ts';
import type { Logger } from '../../../platform/telemetry/index.ts';
import type { VaultHead } from '../vault/head.ts';
import { createListener, type Listener } from './listener.ts';
import type { LiveNews } from './news.ts';

type DeviceCtx = Ctx<DeviceActor>;

export interface Live extends Disposable {
  /** What the caller's devices should know, from the present on, until the signal aborts. */
  follow(ctx: DeviceCtx, toldBefore: string | undefined, signal: AbortSignal): AsyncGenerator<LiveMessage>;
}

/** The streams of one account on this node. */
interface Watch {
  readonly listeners: Map<Listener, DeviceCtx>;
  isLooking: boolean;
  /** Something happened since the vault was last looked at. */
  isStale: boolean;
  /** The vault could not be read, and is looked at again. */
  retry: NodeJS.Timeout | undefined;
}

function createWatch(): Watch {
  return { listeners: new Map(), isLooking: false, isStale: false, retry: undefined };
}

/** So long a lost hint can go unnoticed. */
const lookEveryMs = 5 * 60_000;
const lookAgainAfterMs = 5000;

export function createLive(parts: {
  readonly news: LiveNews;
  readonly readHead: (ctx: DeviceCtx) => Promise<VaultHead>;
  readonly log: Logger;
}): Live {
  const { news, readHead, log } = parts;
  const watches = new Map<string, Watch>();

  /** One look at a time; what happens meanwhile makes for one more, however much it is. */
  async function look(watch: Watch): Promise<void> {
    watch.isStale = true;
    if (watch.isLooking) return;
    watch.isLooking = true;
    try {
      while (watch.isStale) await lookOnce(watch);
    } catch (err) {
      log.warn({ err }, 'could not look at a vault that devices listen to');
      watch.retry ??= lookLater(watch);
    } finally {
      watch.isLooking = false;
    }
  }

  function lookLater(watch: Watch): NodeJS.Timeout {
    const lookAgain = () => {
      watch.retry = undefined;
      void look(watch);
    };
    return setTimeout(lookAgain, lookAgainAfterMs).unref();
  }

  async function lookOnce(watch: Watch): Promise<void> {
    watch.isStale = false;
    const [ctx] = watch.listeners.values();
    if (ctx === undefined) return;
    const head = await readHead(ctx);
    for (const listener of watch.listeners.keys()) listener.see(head);
  }

  /** One vault after the other: many may be listened to, and most of them have not moved. */
  async function lookAtAll(): Promise<void> {
    for (const watch of [...watches.values()]) await look(watch);
  }

  function tellDevices({ listeners }: Watch): void {
    for (const listener of listeners.keys()) listener.seeDevices();
  }

  function join(ctx: DeviceCtx, listener: Listener): Watch {
    const { accountId } = ctx.actor;
    const watch = watches.get(accountId) ?? createWatch();
    watches.set(accountId, watch);
    watch.listeners.set(listener, ctx);
    return watch;
  }

  function leave({ actor }: DeviceCtx, watch: Watch, listener: Listener): void {
    watch.listeners.delete(listener);
    if (watch.listeners.size === 0) watches.delete(actor.accountId);
  }

  function withWatch(accountId: string, work: (watch: Watch) => void): void {
    const watch = watches.get(accountId);
    if (watch !== undefined) work(watch);
  }

  news.onVault((accountId) => withWatch(accountId, (watch) => void look(watch)));
  news.onDevices((accountId) => withWatch(accountId, tellDevices));
  news.onGap(() => {
    for (const watch of watches.values()) tellDevices(watch);
    void lookAtAll();
  });
  const timer = setInterval(() => void lookAtAll(), lookEveryMs);

  return {
    async *follow(ctx, toldBefore, signal) {
      const listener = createListener(toldBefore);
      const watch = join(ctx, listener);
      signal.addEventListener('abort', listener.wake, { once: true });
      // Only now, so that nothing falls between the look and the listening.
      void look(watch);
      try {
        while (!signal.aborted) {
          yield* listener.take();
          await listener.news();
        }
      } finally {
        leave(ctx, watch, listener);
      }
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

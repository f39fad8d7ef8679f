/** Says once that a vault cannot serve its owner, and once that it can again, however many requests meet it. */
import { BoundedMap } from '../cache/index.ts';
import { Failure } from '../errors/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { vaultDamaged, vaultMissing, vaultNewer } from './errors.ts';

/** What stays until somebody mends it. */
const lasting = new Set([vaultMissing, vaultDamaged, vaultNewer].map((create) => create().code));
/** When the disk goes, every vault goes: the log still says which came first. */
const rememberedMax = 10_000;

export interface Troubles {
  /** Answers the error that the caller is to meet. */
  report(vault: string, error: unknown): unknown;
  clear(vault: string): void;
}

export function createTroubles(log: Logger): Troubles {
  const known = new BoundedMap<string, string>(rememberedMax);
  return {
    report(vault, error) {
      if (!(error instanceof Failure) || !lasting.has(error.code)) return error;
      if (known.get(vault) !== error.code)
        log.error({ err: error, vault }, 'a vault cannot serve its owner until it is mended');
      known.set(vault, error.code);
      const { code, status, title, message, extensions, headers, cause } = error;
      return new Failure(code, status, title, {
        detail: message,
        extensions,
        headers,
        cause,
        isLogged: true,
      });
    },
    clear(vault) {
      if (known.size === 0 || known.get(vault) === undefined) return;
      known.delete(vault);
      log.info({ vault }, 'a vault serves its owner again');
    },
  };
}

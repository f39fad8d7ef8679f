/** Argon2id behind a narrow door: each hash takes 19 MiB and a thread for some 50 ms, so only a few run at once. */

import { passwordBytesMax } from '@alcove/contract/account';
import { hash, parseOptions, verify } from '@node-rs/argon2';
import { createGate } from './gate.ts';

export interface PasswordHasher {
  /**
   * As a PHC string, which names its own parameters. Who asks from `ip` takes turns with other addresses; throws
   * `auth.busy` when too many wait already.
   */
  hash(ip: string, password: string): Promise<string>;
  /**
   * Whether the password is the one behind the PHC string. Without one it does the same work for nothing, so that the
   * time does not tell whether there is an account.
   */
  matches(ip: string, password: string, phc: string | undefined): Promise<boolean>;
  /** Whether it was made with weaker parameters than today's. */
  isOutdated(phc: string): boolean;
}

/** OWASP's least for Argon2id; the library's default algorithm and version are Argon2id, 19. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
/** Node has four threads for such work and needs some of them for files. */
const parallelMax = 2;
/** One address fills about a second, more than its rate of sign-ins allows; no line is so long that memory matters. */
const waiting = { waitingPerAddressMax: 32, waitingMax: 1024 };

export function createPasswordHasher(): PasswordHasher {
  const gate = createGate({ parallelMax, ...waiting });
  // Made when first needed, with today's parameters; nobody knows the password that it is the hash of.
  let decoy: Promise<string> | undefined;
  const decoyPhc = () => {
    decoy ??= hash(crypto.randomUUID(), parameters);
    return decoy;
  };

  return {
    hash: (ip, password) => gate(ip, () => hash(normalise(password), parameters)),
    matches: (ip, password, phc) =>
      gate(ip, async () => {
        // Beyond the limit nothing was ever stored; the decoy keeps the time the same.
        const isPossible = phc !== undefined && Buffer.byteLength(password) <= passwordBytesMax;
        const isSame = await verify(isPossible ? phc : await decoyPhc(), normalise(password));
        return isPossible && isSame;
      }),
    isOutdated(phc) {
      const made = parseOptions(phc);
      return (
        (made.memoryCost ?? 0) < parameters.memoryCost ||
        (made.timeCost ?? 0) < parameters.timeCost ||
        made.parallelism !== parameters.parallelism
      );
    },
  };
}

/** The same characters may be typed in several ways; which one depends on the keyboard. */
const normalise = (password: string) => password.normalize('NFC');

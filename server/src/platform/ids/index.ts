import { randomFillSync } from 'node:crypto';
import type { Clock } from '../clock/index.ts';

/** Makes ids. A value, so that tests can make them predictable. */
export interface Ids {
  /** A UUIDv7 (RFC 9562, section 5.7): sorts by time of creation. */
  uuid(): string;
}

export function createIds(clock: Clock): Ids {
  return { uuid: () => uuidV7(clock.now(), takeRandom()) };
}

const randomBytesPerId = 10;
/** Random bytes for the next ids: asking the system for a few costs as much as asking for many. */
const random = Buffer.alloc(256 * randomBytesPerId);
let used = random.length;

function takeRandom(): Buffer {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  used += randomBytesPerId;
  return random.subarray(used - randomBytesPerId, used);
}

function uuidV7(nowMs: number, random: Buffer): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  random.copy(bytes, 6);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

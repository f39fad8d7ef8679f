const randomBytes = 10;

/**
 * A UUIDv7 (RFC 9562, section 5.7): the moment and random bits. Such ids sort by when they were made, so that what a vault
 * is sent lies beside each other in its index.
 */
export function uuidV7(
  nowMs: number = Date.now(),
  random: Uint8Array = crypto.getRandomValues(new Uint8Array(randomBytes)),
): string {
  const time = nowMs.toString(16).padStart(12, '0');
  const hex = Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const variant = (0x8 | (((random[2] ?? 0) >> 4) & 0x3)).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(1, 4)}-${variant}${hex.slice(5, 8)}-${hex.slice(8)}`;
}

/** What makes two requests with one Idempotency-Key the same request. */
import { createHash } from 'node:crypto';

/** Deeper than any well-formed push. Beyond it a request is only the same when its bytes are. */
const depthMax = 8;

/** Of the calling device and the meaning of the body: the order of members in an object does not matter. */
export function fingerprint(deviceId: string, parsed: unknown, bytes: Uint8Array): string {
  return createHash('sha256')
    .update(`${deviceId}\n`)
    .update(canonicalJson(parsed, depthMax) ?? bytes)
    .digest('base64url');
}

/** JSON with sorted members, or `undefined` for a value that is nested too deeply. */
function canonicalJson(value: unknown, depthLeft: number): string | undefined {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (depthLeft === 0) return undefined;
  if (Array.isArray(value)) {
    const items = value.map((item) => canonicalJson(item, depthLeft - 1));
    return items.includes(undefined) ? undefined : `[${items.join()}]`;
  }
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => ({ name, text: canonicalJson(member, depthLeft - 1) }));
  if (members.some(({ text }) => text === undefined)) return undefined;
  return `{${members.map(({ name, text }) => `${JSON.stringify(name)}:${text}`).join()}}`;
}

/** base64url without padding (RFC 4648, section 5), the only binary text of the contract. */
const shape = /^[A-Za-z0-9_-]*$/;

export function toBase64Url(bytes: Uint8Array): string {
  let binary = '';
  const stride = 0x8000;
  for (let at = 0; at < bytes.length; at += stride) {
    binary += String.fromCharCode(...bytes.subarray(at, at + stride));
  }
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Bytes of a base64url text. Throws a `TypeError` for padding, other alphabets and impossible lengths. */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  if (!shape.test(text) || text.length % 4 === 1) throw new TypeError('not base64url without padding');
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

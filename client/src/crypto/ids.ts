/**
 * Ids that follow from a name: HMAC-SHA-256 under HKDF-SHA256(epoch key, empty salt, info "alcove-id-v1"), as base64url.
 * Every device of the account makes the same one, and the server cannot try names on it.
 */
import { toBase64Url } from '@alcove/contract/base64url';

const utf8 = new TextEncoder();

export async function deriveId(epochKey: CryptoKey, name: string): Promise<string> {
  const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: utf8.encode('alcove-id-v1') };
  const hmac = { name: 'HMAC', hash: 'SHA-256', length: 256 };
  const key = await crypto.subtle.deriveKey(hkdf, epochKey, hmac, false, ['sign']);
  return toBase64Url(new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8.encode(name))));
}

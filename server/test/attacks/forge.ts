/** Access tokens as an attacker would write them, and as the service itself would if it were careless. */
import { createHmac } from 'node:crypto';
import { importJWK, type JWK, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import { sql } from 'kysely';
import { createEnvelope, loadMasterKeys } from '../../src/platform/crypto/index.ts';
import { behindTheScenes, type TestServer } from '../../src/testing/index.ts';

export interface ServiceKey {
  readonly id: string;
  readonly publicJwk: JWK;
  /** Signs whatever it is given, as nobody but the service can. */
  sign(header: Partial<JWTHeaderParameters>, claims: JWTPayload): Promise<string>;
}

/** The service's own signing key, from its database: to show that a good signature alone does not make a token good. */
export async function stealSigningKey(server: TestServer): Promise<ServiceKey> {
  const masterKeys = await loadMasterKeys({ dataDir: server.dataDir, setting: undefined }, true);
  const envelope = createEnvelope(masterKeys);
  const row = await behindTheScenes(server, async (tx) => {
    const { rows } = await sql<{ id: string; public_key: JWK; private_key_sealed: Buffer }>`
      select id, public_key, private_key_sealed from signing_key where retired_at is null`.execute(tx);
    return rows[0];
  });
  if (row === undefined) throw new Error('the service has no signing key');
  const sealed = envelope.decrypt(row.private_key_sealed, ['signing_key', 'private_key', row.id]);
  const key = await importJWK(JSON.parse(sealed.toString('utf8')), 'EdDSA');
  return {
    id: row.id,
    publicJwk: row.public_key,
    sign: (header, claims) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'EdDSA', kid: row.id, typ: 'at+jwt', ...header })
        .sign(key),
  };
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

export function unsigned(header: object, claims: object, signature = ''): string {
  return `${encode(header)}.${encode(claims)}.${signature}`;
}

/** Signed by HMAC with whatever is taken for a secret. */
export function signedByHmac(header: object, claims: object, secret: string | Uint8Array): string {
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

export function claimsOf(token: string): JWTPayload {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
}

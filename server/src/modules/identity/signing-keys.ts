/** The service's own keys, which sign access tokens and are published as a JWKS. */
import { exportJWK, generateKeyPair, importJWK, type CryptoKey as JoseKey, type JWK } from 'jose';
import { asSystem, type Ctx, type TxCtx } from '../../context.ts';
import type { Clock } from '../../platform/clock/index.ts';
import type { Envelope } from '../../platform/crypto/index.ts';
import type { Ids } from '../../platform/ids/index.ts';
import * as store from './store.ts';

export interface SigningKeys {
  /** The key that new tokens are signed with. */
  current(): { readonly id: string; readonly privateKey: JoseKey };
  /**
   * The public key of that id, also of a key that was retired while its tokens still live. Another node may have made
   * it just now, so an unknown id is looked for; not often, because ids are easily made up.
   */
  find(ctx: Ctx, id: string): Promise<JoseKey | undefined>;
  jwks(): { keys: JWK[] };
  /** Makes the first key, and the next one when the current has served its time. */
  rotate(ctx: Ctx): Promise<void>;
}

const servesMs = 90 * 24 * 3_600_000;
/** Longer than any access token lives, so that no token outlives its key. */
const overlapMs = 2 * 3_600_000;

const reloadedEveryMs = 5000;

interface LoadedKey {
  readonly id: string;
  readonly publicJwk: JWK;
  readonly publicKey: JoseKey;
  readonly privateKey: JoseKey;
}

export function createSigningKeys(parts: {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly envelope: Envelope;
}): SigningKeys {
  const { clock, envelope } = parts;
  let loaded: readonly LoadedKey[] = [];
  let reloadedAt = Number.NEGATIVE_INFINITY;

  async function load(ctx: Ctx, list: (tx: TxCtx) => Promise<store.SigningKeyRow[]>): Promise<void> {
    const rows = await asSystem(ctx, list);
    loaded = await Promise.all(rows.map((row) => loadKey(row, envelope)));
  }

  return {
    current() {
      const [newest] = loaded;
      if (newest === undefined) throw new Error('no signing key has been loaded');
      return newest;
    },
    async find(ctx, id) {
      const known = loaded.find((key) => key.id === id);
      if (known !== undefined || clock.now() - reloadedAt < reloadedEveryMs) return known?.publicKey;
      reloadedAt = clock.now();
      await load(ctx, (tx) => store.listSigningKeys(tx));
      return loaded.find((key) => key.id === id)?.publicKey;
    },
    jwks: () => ({ keys: loaded.map(({ publicJwk }) => publicJwk) }),
    rotate: (ctx) =>
      load(ctx, async (tx) => {
        await store.lockSigningKeys(tx);
        await replaceWorn(tx, parts);
        return store.listSigningKeys(tx);
      }),
  };
}

async function replaceWorn(
  ctx: Parameters<typeof store.listSigningKeys>[0],
  { clock, ids, envelope }: Parameters<typeof createSigningKeys>[0],
): Promise<void> {
  const now = clock.now();
  await store.deleteSigningKeysRetiredBefore(ctx, new Date(now - overlapMs));
  const current = (await store.listSigningKeys(ctx)).find(({ retired_at }) => retired_at === null);
  if (current !== undefined && now - current.created_at.getTime() < servesMs) return;
  const id = ids.uuid();
  const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const publicJwk = { ...(await exportJWK(pair.publicKey)), kid: id, alg: 'EdDSA', use: 'sig' };
  const privateText = JSON.stringify(await exportJWK(pair.privateKey));
  await store.insertSigningKey(ctx, {
    id,
    public_key: publicJwk,
    private_key_sealed: envelope.encrypt(Buffer.from(privateText), placeOf(id)),
    created_at: new Date(now),
  });
  await store.retireSigningKeys(ctx, id, new Date(now));
}

async function loadKey(row: store.SigningKeyRow, envelope: Envelope): Promise<LoadedKey> {
  const publicJwk: JWK = row.public_key;
  const privateJwk: JWK = JSON.parse(
    envelope.decrypt(row.private_key_sealed, placeOf(row.id)).toString('utf8'),
  );
  const [publicKey, privateKey] = await Promise.all([
    importJWK(publicJwk, 'EdDSA'),
    importJWK(privateJwk, 'EdDSA'),
  ]);
  if (publicKey instanceof Uint8Array || privateKey instanceof Uint8Array)
    throw new Error('a signing key is symmetric');
  return { id: row.id, publicJwk, publicKey, privateKey };
}

const placeOf = (id: string) => ['signing_key', 'private_key', id];

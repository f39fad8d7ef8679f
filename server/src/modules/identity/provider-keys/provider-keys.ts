/** A workspace's keys for outside services: put in by its admins, taken out only by the modules that call the services. */
import type {
  Provider,
  ProviderKind,
  ProviderList,
  ProviderSettings,
  SetProviderRequest,
} from '@alcove/contract/providers';
import { type Ctx, inTransaction, type MemberActor, type TxCtx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { type Envelope, Secret } from '../../../platform/crypto/index.ts';
import type { Ids } from '../../../platform/ids/index.ts';
import type { Audit } from '../../audit/index.ts';
import { providerNotFound, providerWithoutAddress } from './errors.ts';
import * as store from './provider-key-store.ts';

export interface ProviderKeys {
  list(ctx: Ctx<MemberActor>): Promise<ProviderList>;
  set(ctx: Ctx<MemberActor>, kind: ProviderKind, request: SetProviderRequest): Promise<Provider>;
  remove(ctx: Ctx<MemberActor>, kind: ProviderKind, provider: string): Promise<void>;
  /** For the modules that call the service: the key of the workspace that is acted in, if it has one. */
  reveal(
    ctx: Ctx<MemberActor> | TxCtx<MemberActor>,
    kind: ProviderKind,
    provider: string,
  ): Promise<RevealedKey | undefined>;
}

export interface RevealedKey {
  readonly apiKey: Secret;
  readonly settings: ProviderSettings;
}

export function createProviderKeys(parts: {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: Audit;
  readonly envelope: Envelope;
}): ProviderKeys {
  const { clock, ids, audit, envelope } = parts;
  return {
    list: (ctx) =>
      inTransaction(ctx, async (tx) => {
        const rows = await store.listProviderKeys(tx, tx.actor.workspaceId);
        return { data: rows.map(render), nextCursor: null };
      }),

    set(ctx, kind, { provider, apiKey, settings = {} }) {
      if (provider === 'openai-compatible' && settings.baseUrl === undefined) throw providerWithoutAddress();
      return inTransaction(ctx, async (tx) => {
        const slot = { workspaceId: tx.actor.workspaceId, kind, provider };
        const row = await store.holdRow(tx, slot, { id: ids.uuid(), at: new Date(clock.now()) });
        const sealed = envelope.encrypt(Buffer.from(apiKey), placeOf(row));
        const hint = apiKey.slice(-4);
        await store.setKey(tx, row.id, { sealed, hint, settings });
        const target = { type: 'provider_key', id: row.id };
        await audit.record(tx, { action: 'provider_key.set', target, detail: { kind, provider } });
        return render({ ...row, hint, settings });
      });
    },

    remove: (ctx, kind, provider) =>
      inTransaction(ctx, async (tx) => {
        const slot = { workspaceId: tx.actor.workspaceId, kind, provider };
        const id = await store.deleteProviderKey(tx, slot);
        if (id === undefined) throw providerNotFound();
        const target = { type: 'provider_key', id };
        await audit.record(tx, { action: 'provider_key.removed', target, detail: { kind, provider } });
      }),

    async reveal(ctx, kind, provider) {
      const { workspaceId } = ctx.actor;
      const row = await inTransaction(ctx, (tx) =>
        store.findProviderKey(tx, { workspaceId, kind, provider }),
      );
      if (row === undefined) return undefined;
      // Decrypted for the workspace that acts, not for the one that the row names.
      const bytes = envelope.decrypt(row.key_sealed, placeOf({ ...row, workspace_id: workspaceId }));
      return { apiKey: new Secret(bytes.toString('utf8')), settings: row.settings };
    },
  };
}

const placeOf = (row: Pick<store.ProviderKeyRow, 'id' | 'workspace_id' | 'kind' | 'provider'>) => [
  'provider_key',
  'key',
  row.workspace_id,
  row.id,
  row.kind,
  row.provider,
];

function render(row: store.ProviderKeyRow): Provider {
  return {
    kind: row.kind,
    provider: row.provider,
    hint: row.hint,
    settings: row.settings,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

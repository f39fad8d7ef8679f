import type { TxCtx } from '../../../context.ts';
import type { Audit } from '../../audit/index.ts';
import { asAccount } from '../trail.ts';
import { deleteKeysMadeBy } from './api-key-store.ts';

/** Takes back every API key that the account made. */
export async function revokeKeysMadeBy(tx: TxCtx, audit: Audit, accountId: string): Promise<void> {
  for (const { id, workspace_id: workspaceId } of await deleteKeysMadeBy(tx, accountId)) {
    const target = { type: 'api_key', id };
    await audit.record(tx, {
      action: 'api_key.revoked',
      target,
      workspaceId,
      actor: asAccount(accountId),
      detail: { because: 'password.reset' },
    });
  }
}

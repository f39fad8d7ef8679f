import type { KeyShare } from '@alcove/contract/identity';
import type { TxCtx } from '../../context.ts';
import { incompleteShares } from './errors.ts';
import * as store from './store.ts';

/** A new member gets every epoch there is, since it is to read what was written before it came. */
export async function giveShares(
  ctx: TxCtx,
  member: Pick<store.DeviceRow, 'id' | 'account_id'>,
  shares: readonly KeyShare[],
): Promise<void> {
  const expected = (await store.listEpochs(ctx, member.account_id)).map(({ epoch }) => epoch);
  const given = shares.map(({ epoch }) => epoch).sort((a, b) => a - b);
  if (expected.join() !== given.join()) {
    throw incompleteShares({
      detail: `keyShares must hold one share for each of the epochs ${expected.join(', ')}; ${given.join(', ') || 'none'} came.`,
      extensions: { epochs: expected },
    });
  }
  for (const { epoch, wrapped } of shares)
    await store.insertKeyShare(ctx, member.account_id, { epoch, deviceId: member.id, wrapped });
}

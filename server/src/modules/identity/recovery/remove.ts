import type { Actor, TxCtx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import type { Sessions } from '../sessions.ts';
import { type DeviceRow, revokeMember } from '../store.ts';

export type RemoveRecovery = (tx: TxCtx<Actor>, member: DeviceRow) => Promise<void>;

/**
 * Takes a recovery key out of use, with its shares. Sessions end that it opened for devices which nobody has admitted:
 * whoever has found the words must not stay in after they were replaced.
 */
export function createRemoveRecovery(parts: {
  readonly clock: Clock;
  readonly sessions: Sessions;
}): RemoveRecovery {
  return async (tx, member) => {
    await revokeMember(tx, member.account_id, member, new Date(parts.clock.now()));
    await parts.sessions.end(tx, member.account_id, { recoveryId: member.id });
  };
}

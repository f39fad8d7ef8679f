import type { GuestOpened, GuestRequest } from '@alcove/contract/guests';
import { asSystem, beforehand, type Ctx } from '../../../context.ts';
import { addAccount } from '../new-account.ts';
import { openSession, type SignInParts } from '../sign-in.ts';
import { type FindAssistant, requireOpenToGuests } from './assistants.ts';
import { type GuestLimits, limitWorkspace } from './guest-store.ts';

const dayMs = 24 * 3_600_000;

/** Makes an account without a mail address or a device, which ends by itself and has little room. */
export function createOpen(
  parts: SignInParts & { readonly limits: GuestLimits; readonly findAssistant: FindAssistant },
) {
  const { clock, limits, findAssistant } = parts;
  return async (ctx: Ctx, { assistantId }: GuestRequest): Promise<GuestOpened> => {
    await requireOpenToGuests(beforehand(ctx), assistantId, findAssistant);
    const expiresAt = new Date(clock.now() + limits.days * dayMs);
    return asSystem(ctx, async (tx) => {
      const accountId = await addAccount(tx, parts, { kind: 'guest', expiresAt });
      if (accountId === undefined) throw new Error('an account without a mail address was refused as taken');
      const opened = await openSession(tx, parts, { accountId });
      await limitWorkspace(tx, opened.workspace.id, limits);
      return opened;
    });
  };
}

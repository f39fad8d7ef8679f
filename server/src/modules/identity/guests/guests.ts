/** People who try an app before they have an account: let in, converted, taken over, and removed when their time is over. */
import type { SignInParts } from '../sign-in.ts';
import { createInitialize, type FindAssistant } from './assistants.ts';
import { type ConvertParts, createConvert } from './convert.ts';
import { createExpire, type RemoveAccount } from './expire.ts';
import type { GuestLimits } from './guest-store.ts';
import { createMerge, type MergeParts } from './merge.ts';
import { createOpen } from './open.ts';

export type Guests = ReturnType<typeof createGuests>;

export function createGuests(
  parts: SignInParts &
    ConvertParts &
    MergeParts & {
      readonly limits: GuestLimits;
      readonly findAssistant: FindAssistant;
      readonly removeAccount: RemoveAccount;
    },
) {
  return {
    open: createOpen(parts),
    convert: createConvert(parts),
    merge: createMerge(parts),
    initialize: createInitialize(parts.findAssistant),
    /** Removes every guest whose time is over. Answers how many went. */
    expire: createExpire(parts),
  };
}

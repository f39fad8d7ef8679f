/** What every new account gets: its row, its personal workspace, and a line in the audit log. */
import type { TxCtx } from '../../context.ts';
import { insertAccountUnlessTaken } from './new-account-store.ts';
import type { SignInParts } from './sign-in.ts';
import * as store from './store.ts';
import { asAccount } from './trail.ts';

const personalWorkspaceName = 'Personal';

export interface NewAccount {
  readonly kind: store.AccountRow['kind'];
  /** Normalised. */
  readonly email?: string | undefined;
  /** Whether it is known that mail to that address reaches this person. */
  readonly isEmailVerified?: boolean;
  readonly displayName?: string | undefined;
  readonly expiresAt?: Date | undefined;
}

/** Answers the new account's id; undefined when another account has the mail address. */
export async function addAccount(
  ctx: TxCtx,
  parts: Pick<SignInParts, 'clock' | 'ids' | 'trail'>,
  account: NewAccount,
): Promise<string | undefined> {
  const { clock, ids, trail } = parts;
  const createdAt = new Date(clock.now());
  const accountId = ids.uuid();
  const isNew = await insertAccountUnlessTaken(ctx, {
    id: accountId,
    kind: account.kind,
    email: account.email ?? null,
    email_verified_at: account.isEmailVerified === true ? createdAt : null,
    display_name: account.displayName ?? null,
    created_at: createdAt,
    expires_at: account.expiresAt ?? null,
  });
  if (!isNew) return undefined;
  const workspaceId = ids.uuid();
  await store.insertPersonalWorkspace(ctx, {
    id: workspaceId,
    name: personalWorkspaceName,
    accountId,
    createdAt,
  });
  await trail.record(ctx, accountId, {
    action: 'account.registered',
    target: { type: 'account', id: accountId },
    actor: asAccount(accountId),
    detail: { kind: account.kind },
  });
  await trail.announce(ctx, accountId, {
    type: 'workspace.created',
    subject: { type: 'workspace', id: workspaceId },
    actor: asAccount(accountId),
    data: { personal: true },
  });
  return accountId;
}

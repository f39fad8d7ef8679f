import type { TxCtx } from '../../../context.ts';
import type { Events } from '../../../platform/events/index.ts';
import type { Audit } from '../../audit/index.ts';
import { findCredential } from '../passwords/credential-store.ts';
import type { Passwords } from '../passwords/service.ts';
import type { Sessions } from '../sessions.ts';
import { lockAccount } from '../store.ts';
import { asAccount } from '../trail.ts';
import * as store from './deletion-store.ts';
import { lastOwner } from './errors.ts';
import type { Removals } from './removals.ts';

export interface RemovalOfAccountParts {
  readonly audit: Audit;
  readonly events: Events<TxCtx>;
  readonly sessions: Sessions;
  readonly passwords: Pick<Passwords, 'forgetLogin'>;
  readonly removals: Pick<Removals, 'take'>;
}

/**
 * Removes an account in that transaction, with the workspaces that are its alone. Throws `auth.last_owner` where others
 * would be left without an owner. Of the account only what others hold of it stays: that it was a member of theirs, in
 * their logs.
 */
export function createRemoveAccount(parts: RemovalOfAccountParts) {
  const { sessions, passwords, removals } = parts;
  return async (tx: TxCtx, accountId: string): Promise<void> => {
    await lockAccount(tx, accountId);
    const memberships = await store.lockMemberships(tx, accountId);
    const others = await Promise.all(
      memberships.map(({ workspace_id: id }) => store.countOthers(tx, id, accountId)),
    );
    const shared = memberships.filter((_, at) => (others[at]?.members ?? 0) > 0);
    requireNotNeeded(
      shared.filter(({ role }) => role === 'owner'),
      memberships.filter((_, at) => (others[at]?.owners ?? 0) > 0),
    );
    await removals.take(tx, accountId);
    await sessions.end(tx, accountId, {});
    const credential = await findCredential(tx, accountId);
    await passwords.forgetLogin(tx, accountId, credential?.email);
    for (const membership of memberships) {
      if (shared.includes(membership)) await leave(tx, parts, membership, accountId);
      else await end(tx, parts, membership);
    }
    await store.deleteAccount(tx, accountId);
  };
}

function requireNotNeeded(
  owned: readonly store.MembershipRow[],
  ownedByOthersToo: readonly store.MembershipRow[],
): void {
  const needed = owned.filter((membership) => !ownedByOthersToo.includes(membership));
  if (needed.length === 0) return;
  throw lastOwner({
    detail: 'Make somebody else an owner of these workspaces first, or delete them.',
    extensions: { workspaces: needed.map(({ workspace_id: id, name }) => ({ id, name })) },
  });
}

async function leave(
  tx: TxCtx,
  { audit, events }: RemovalOfAccountParts,
  { workspace_id: workspaceId, role }: store.MembershipRow,
  accountId: string,
): Promise<void> {
  const subject = { type: 'account', id: accountId };
  const actor = asAccount(accountId);
  await audit.record(tx, { action: 'member.removed', target: subject, workspaceId, actor, detail: { role } });
  await events.append(tx, { type: 'member.removed', workspaceId, subject, actor });
}

/** Who did it is not said: nothing is to name the account afterwards. */
async function end(
  tx: TxCtx,
  { audit, events }: RemovalOfAccountParts,
  { workspace_id: workspaceId }: store.MembershipRow,
): Promise<void> {
  await audit.close(tx, workspaceId);
  await events.forget(tx, workspaceId);
  await store.deleteWorkspace(tx, workspaceId);
  const subject = { type: 'workspace', id: workspaceId };
  await events.append(tx, { type: 'workspace.deleted', workspaceId, subject, actor: 'system' });
}

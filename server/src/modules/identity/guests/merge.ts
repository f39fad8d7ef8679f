import type { GuestMerged, GuestMergeRequest } from '@alcove/contract/guests';
import type { WorkspaceRef } from '@alcove/contract/identity';
import { type AccountActor, asSystem, beforehand, type Ctx, type TxCtx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { Failure } from '../../../platform/errors/index.ts';
import type { Events } from '../../../platform/events/index.ts';
import type { Audit } from '../../audit/index.ts';
import type { AccessTokens } from '../access-tokens.ts';
import type { Sessions } from '../sessions.ts';
import * as store from '../store.ts';
import type { Trail } from '../trail.ts';
import { guestCannotMerge, guestTokenInvalid } from './errors.ts';
import * as guestStore from './guest-store.ts';

export interface MergeParts {
  readonly clock: Clock;
  readonly accessTokens: AccessTokens;
  readonly sessions: Sessions;
  readonly trail: Trail;
  readonly audit: Audit;
  readonly events: Events<TxCtx>;
}

/** What the workspace of a guest is called once it belongs to somebody who has a personal one already. */
const nameDefault = 'From a guest';

/** Moves what a guest has into the account that acts, and ends the guest. */
export function createMerge(parts: MergeParts) {
  const { accessTokens, sessions } = parts;
  return async (
    ctx: Ctx<AccountActor>,
    { guestToken, name = nameDefault }: GuestMergeRequest,
  ): Promise<GuestMerged> => {
    const guestId = await findGuestId(beforehand(ctx), { accessTokens, sessions }, guestToken);
    if (guestId === undefined) throw guestTokenInvalid();
    return asSystem(ctx, async (tx) => {
      const { accountId } = tx.actor;
      if ((await guestStore.lockGuest(tx, accountId)) !== undefined) throw guestCannotMerge();
      // Converted or merged meanwhile: then it is no guest any more.
      if ((await guestStore.lockGuest(tx, guestId)) === undefined) throw guestTokenInvalid();
      await sessions.end(tx, guestId, {});
      const moved = await moveMemberships(tx, parts, { guestId, name });
      await guestStore.deleteAccount(tx, guestId);
      const detail = { workspaceId: moved.id };
      await parts.trail.record(tx, accountId, { action: 'guest.merged', target: asSubject(guestId), detail });
      return { workspace: moved };
    });
  };
}

/** The workspace that the guest of this token would bring along; undefined for a token of nobody or of no guest. */
export function createFindOffer(parts: Pick<MergeParts, 'accessTokens' | 'sessions'>) {
  return async (
    ctx: Ctx,
    guestToken: string | undefined,
  ): Promise<{ id: string; name: string } | undefined> => {
    if (guestToken === undefined) return undefined;
    const guestId = await findGuestId(ctx, parts, guestToken);
    if (guestId === undefined) return undefined;
    const [workspace] = await asSystem(ctx, (tx) => store.listWorkspaces(tx, guestId));
    return workspace === undefined ? undefined : { id: workspace.id, name: workspace.name };
  };
}

async function findGuestId(
  ctx: Ctx,
  { accessTokens, sessions }: Pick<MergeParts, 'accessTokens' | 'sessions'>,
  guestToken: string,
): Promise<string | undefined> {
  try {
    const claims = await accessTokens.verify(ctx, guestToken);
    if (claims.kind !== 'account') return undefined;
    await sessions.requireLive(claims.sessionId);
    const account = await asSystem(ctx, (tx) => store.findAccount(tx, claims.accountId));
    return account?.kind === 'guest' ? account.id : undefined;
  } catch (error) {
    if (error instanceof Failure && error.status === 401) return undefined;
    throw error;
  }
}

/** Answers the guest's own workspace as the account now sees it. */
async function moveMemberships(
  tx: TxCtx<AccountActor>,
  parts: MergeParts,
  { guestId, name }: { readonly guestId: string; readonly name: string },
): Promise<WorkspaceRef> {
  const memberships = await guestStore.listMemberships(tx, guestId);
  const own = memberships.find(({ personal }) => personal);
  if (own === undefined) throw new Error('a guest without a personal workspace');
  await guestStore.unlimitWorkspace(tx, guestId);
  await guestStore.renameWorkspace(tx, own.workspace_id, name);
  for (const membership of memberships) await handOver(tx, parts, membership, guestId);
  return { id: own.workspace_id, name, role: own.role };
}

/** In the order in which everybody takes locks: the workspace, its rows, its audit log, its events. */
async function handOver(
  tx: TxCtx<AccountActor>,
  { clock, audit, events }: MergeParts,
  membership: guestStore.MembershipRow,
  guestId: string,
): Promise<void> {
  const { accountId } = tx.actor;
  const { workspace_id: workspaceId, role } = membership;
  await guestStore.lockWorkspace(tx, workspaceId);
  await guestStore.handOver(tx, membership, { accountId, at: new Date(clock.now()) });
  const [added, removed] = [asSubject(accountId), asSubject(guestId)];
  const detail = { role, inPlaceOf: guestId };
  await audit.record(tx, { action: 'member.added', target: added, workspaceId, detail });
  await events.append(tx, { type: 'member.added', workspaceId, subject: added, data: { role } });
  await events.append(tx, { type: 'member.removed', workspaceId, subject: removed });
}

const asSubject = (id: string) => ({ type: 'account', id });

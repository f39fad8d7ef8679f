import type {
  Invitation,
  InvitationCreated,
  InvitationList,
  InviteRequest,
  Workspace,
} from '@alcove/contract/workspaces';
import {
  type AccountActor,
  asSystem,
  type Ctx,
  inTransaction,
  type MemberActor,
  type TxCtx,
} from '../../context.ts';
import { createToken, hashToken } from '../../platform/crypto/index.ts';
import { normaliseEmail } from '../identity/index.ts';
import * as errors from './errors.ts';
import { invitationLetter } from './letter.ts';
import { type PageQuery, readPage } from './page.ts';
import type { WorkspaceParts } from './parts.ts';
import { lockAndFindRole, requireReach, requireRole } from './policy.ts';
import { readQuota } from './quota.ts';
import * as store from './store.ts';

export interface InvitationService {
  list(ctx: Ctx<MemberActor>, page: PageQuery): Promise<InvitationList>;
  /** Invites an address and writes it a letter. The token is shown once. */
  create(ctx: Ctx<MemberActor>, request: InviteRequest): Promise<InvitationCreated>;
  withdraw(ctx: Ctx<MemberActor>, id: string): Promise<void>;
  /** Makes the caller a member. Accepting again is answered the same. */
  accept(ctx: Ctx<AccountActor>, token: string): Promise<Workspace>;
  /** Removes invitations that nobody can accept any more. Answers how many went. */
  sweep(ctx: Ctx): Promise<number>;
}

const standsMs = 7 * 24 * 3_600_000;

export function createInvitationService(parts: WorkspaceParts): InvitationService {
  const { clock, ids, audit, events, mails, appUrl } = parts;
  const now = () => new Date(clock.now());

  return {
    list: (ctx, query) =>
      inTransaction(ctx, (tx) =>
        readPage(query, (page) => store.listOpenInvitations(tx, tx.actor.workspaceId, now(), page), {
          render,
          idOf: ({ id }) => id,
        }),
      ),

    create: (ctx, request) =>
      inTransaction(ctx, async (tx) => {
        const own = await lockAndFindRole(tx);
        requireRole(own, 'invitation.create');
        requireReach(own, request.role);
        const { workspaceId } = tx.actor;
        const email = normaliseEmail(request.email);
        await requireRoom(tx, email);
        const token = createToken();
        const row = {
          id: ids.uuid(),
          workspace_id: workspaceId,
          email,
          role: request.role,
          created_at: now(),
          expires_at: new Date(clock.now() + standsMs),
        };
        await store.insertInvitation(tx, { ...row, token_hash: hashToken(token) });
        const url = `${appUrl}/accept-invitation#token=${token}`;
        const workspace = await store.findWorkspace(tx, workspaceId);
        const about = {
          workspaceName: workspace?.name ?? '',
          role: row.role,
          url,
          token,
          expiresAt: row.expires_at,
        };
        if (!(await mails.offer(tx, invitationLetter(email, about)))) throw errors.tooManyLetters();
        await audit.record(tx, {
          action: 'invitation.created',
          target: { type: 'invitation', id: row.id },
          detail: { role: row.role },
        });
        return { ...render(row), token, url };
      }),

    withdraw: (ctx, id) =>
      inTransaction(ctx, async (tx) => {
        requireRole(await lockAndFindRole(tx), 'invitation.withdraw');
        if (!(await store.deleteOpenInvitation(tx, tx.actor.workspaceId, id)))
          throw errors.invitationNotFound();
        await audit.record(tx, { action: 'invitation.withdrawn', target: { type: 'invitation', id } });
      }),

    // Who accepts belongs to the workspace only afterwards, so no tenant's transaction could.
    accept: (ctx, token) =>
      asSystem(ctx, async (tx) => {
        const { accountId } = tx.actor;
        const invitation = await lockInvitation(tx, token);
        const { workspace_id: workspaceId, role } = invitation;
        const member = await store.findMember(tx, workspaceId, accountId);
        if (invitation.accepted_at !== null) {
          if (invitation.accepted_by !== accountId || member === undefined) throw errors.invitationNotFound();
          return readWorkspace(tx, workspaceId, member.role);
        }
        if (invitation.expires_at.getTime() <= clock.now()) throw errors.invitationExpired();
        if (member !== undefined) throw errors.memberExists();
        await requireSeat(tx, workspaceId);
        await store.insertMember(tx, { workspaceId, accountId, role, createdAt: now() });
        await store.markAccepted(tx, invitation.id, accountId, now());
        const subject = { type: 'account', id: accountId };
        const detail = { role, invitation: invitation.id };
        await audit.record(tx, { action: 'member.added', target: subject, workspaceId, detail });
        await events.append(tx, { type: 'member.added', workspaceId, subject, data: { role } });
        return readWorkspace(tx, workspaceId, role);
      }),

    sweep: (ctx) => asSystem(ctx, (tx) => store.deleteInvitationsExpiredBefore(tx, now())),
  };

  async function requireRoom(tx: TxCtx<MemberActor>, email: string): Promise<void> {
    const { workspaceId } = tx.actor;
    await store.deleteExpiredInvitation(tx, workspaceId, email, now());
    if (await store.hasMemberWithEmail(tx, workspaceId, email)) throw errors.memberExists();
    if (await store.hasOpenInvitation(tx, workspaceId, email, now())) {
      throw errors.invitationExists('Withdraw it to send another.');
    }
    const { limits, used } = await readQuota(tx, workspaceId, parts);
    if (used.invitations >= limits.invitations)
      throw errors.tooManyInvitations(`${limits.invitations} may be open at once.`);
  }

  async function requireSeat(tx: TxCtx, workspaceId: string): Promise<void> {
    const { limits, used } = await readQuota(tx, workspaceId, parts);
    if (used.members >= limits.members) throw errors.tooManyMembers(`It may have ${limits.members}.`);
  }
}

/** The workspace first, as everybody locks it first; the invitation may have been withdrawn meanwhile. */
async function lockInvitation(ctx: TxCtx, token: string): Promise<store.InvitationRow> {
  const hash = hashToken(token);
  const found = await store.findInvitationByToken(ctx, hash);
  if (found === undefined) throw errors.invitationNotFound();
  await store.lockWorkspace(ctx, found.workspace_id);
  const locked = await store.findInvitationByToken(ctx, hash);
  if (locked === undefined) throw errors.invitationNotFound();
  return locked;
}

async function readWorkspace(ctx: TxCtx, id: string, role: Workspace['role']): Promise<Workspace> {
  const row = await store.findWorkspace(ctx, id);
  if (row === undefined) throw errors.workspaceNotFound();
  return { id, name: row.name, role, personal: false, createdAt: row.created_at.toISOString() };
}

function render(row: Omit<store.InvitationRow, 'accepted_at' | 'accepted_by'>): Invitation {
  return {
    id: row.id,
    email: row.email,
    role: row.role,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
  };
}

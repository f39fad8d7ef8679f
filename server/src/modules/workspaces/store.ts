/** Every SQL statement of this module. Absence is `undefined`; what an absence means is the services' business. */
import { sql } from 'kysely';
import type { Role, TxCtx } from '../../context.ts';

export interface WorkspaceRow {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** Whether it is the asking account's own personal one. */
  readonly personal: boolean;
  readonly created_at: Date;
}

export interface MemberRow {
  readonly account_id: string;
  readonly role: Role;
  readonly personal: boolean;
  readonly email: string | null;
  readonly display_name: string | null;
  readonly created_at: Date;
}

export interface InvitationRow {
  readonly id: string;
  readonly workspace_id: string;
  readonly email: string;
  readonly role: Role;
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly accepted_at: Date | null;
  readonly accepted_by: string | null;
}

export interface QuotaRow {
  readonly members_max: number | null;
  readonly invitations_max: number | null;
  readonly storage_bytes_max: number | null;
  readonly storage_bytes_used: number;
}

interface Page {
  readonly after: string | undefined;
  readonly limit: number;
}

// Workspaces

export async function findRole(
  ctx: TxCtx,
  workspaceId: string,
  accountId: string,
): Promise<Role | undefined> {
  const { rows } = await sql<{ role: Role }>`select role from member
    where workspace_id = ${workspaceId} and account_id = ${accountId}`.execute(ctx.tx);
  return rows[0]?.role;
}

/**
 * Makes everything that changes a workspace's members and invitations take turns. Says whether there is one. Others may
 * still refer to the workspace meanwhile, so an entry in its log does not wait here.
 */
export async function lockWorkspace(ctx: TxCtx, id: string): Promise<boolean> {
  const { rows } = await sql`select id from workspace where id = ${id} for no key update`.execute(ctx.tx);
  return rows.length === 1;
}

export async function insertWorkspace(
  ctx: TxCtx,
  row: { id: string; name: string; createdAt: Date },
): Promise<void> {
  await sql`insert into workspace (id, name, created_at)
    values (${row.id}, ${row.name}, ${row.createdAt})`.execute(ctx.tx);
}

export async function renameWorkspace(ctx: TxCtx, id: string, name: string): Promise<void> {
  await sql`update workspace set name = ${name} where id = ${id}`.execute(ctx.tx);
}

/** With everything that belongs to it. */
export async function deleteWorkspace(ctx: TxCtx, id: string): Promise<void> {
  await sql`delete from workspace where id = ${id}`.execute(ctx.tx);
}

export async function listWorkspaces(ctx: TxCtx, accountId: string, page: Page): Promise<WorkspaceRow[]> {
  const { rows } = await sql<WorkspaceRow>`
    select w.id, w.name, m.role, m.personal, w.created_at
    from member m join workspace w on w.id = m.workspace_id
    where m.account_id = ${accountId} and (${page.after ?? null}::uuid is null or w.id > ${page.after ?? null}::uuid)
    order by w.id limit ${page.limit}`.execute(ctx.tx);
  return rows;
}

export async function findWorkspace(
  ctx: TxCtx,
  id: string,
): Promise<Pick<WorkspaceRow, 'id' | 'name' | 'created_at'> | undefined> {
  const { rows } = await sql<WorkspaceRow>`select id, name, created_at from workspace
    where id = ${id}`.execute(ctx.tx);
  return rows[0];
}

export async function findPersonalWorkspaceId(ctx: TxCtx, accountId: string): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`select workspace_id as id from member
    where account_id = ${accountId} and personal`.execute(ctx.tx);
  return rows[0]?.id;
}

/** Whether it is the personal workspace of anybody. */
export async function isPersonal(ctx: TxCtx, id: string): Promise<boolean> {
  const { rows } = await sql`select 1 from member where workspace_id = ${id} and personal`.execute(ctx.tx);
  return rows.length > 0;
}

/** How many an account owns besides its personal one. Of two calls for one account the second waits for the first. */
export async function lockAndCountOwned(ctx: TxCtx, accountId: string): Promise<number> {
  await sql`select 1 from member where account_id = ${accountId} and personal for update`.execute(ctx.tx);
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from member
    where account_id = ${accountId} and role = 'owner' and not personal`.execute(ctx.tx);
  return rows[0]?.count ?? 0;
}

/** A guest has its own workspace, whose limits are tight, and makes no others. */
export async function isGuest(ctx: TxCtx, accountId: string): Promise<boolean> {
  const { rows } = await sql`select from account where id = ${accountId} and kind = 'guest'`.execute(ctx.tx);
  return rows.length === 1;
}

// Members

export async function insertMember(
  ctx: TxCtx,
  row: { workspaceId: string; accountId: string; role: Role; createdAt: Date },
): Promise<void> {
  await sql`insert into member (workspace_id, account_id, role, created_at)
    values (${row.workspaceId}, ${row.accountId}, ${row.role}, ${row.createdAt})`.execute(ctx.tx);
}

export async function listMembers(ctx: TxCtx, workspaceId: string, page: Page): Promise<MemberRow[]> {
  const { rows } = await sql<MemberRow>`
    select m.account_id, m.role, m.personal, a.email, a.display_name, m.created_at
    from member m join account a on a.id = m.account_id
    where m.workspace_id = ${workspaceId}
      and (${page.after ?? null}::uuid is null or m.account_id > ${page.after ?? null}::uuid)
    order by m.account_id limit ${page.limit}`.execute(ctx.tx);
  return rows;
}

export async function findMember(
  ctx: TxCtx,
  workspaceId: string,
  accountId: string,
): Promise<MemberRow | undefined> {
  const { rows } = await sql<MemberRow>`
    select m.account_id, m.role, m.personal, a.email, a.display_name, m.created_at
    from member m join account a on a.id = m.account_id
    where m.workspace_id = ${workspaceId} and m.account_id = ${accountId}`.execute(ctx.tx);
  return rows[0];
}

export async function hasMemberWithEmail(ctx: TxCtx, workspaceId: string, email: string): Promise<boolean> {
  const { rows } = await sql`select 1 from member m join account a on a.id = m.account_id
    where m.workspace_id = ${workspaceId} and a.email = ${email}`.execute(ctx.tx);
  return rows.length > 0;
}

export async function setRole(ctx: TxCtx, workspaceId: string, accountId: string, role: Role): Promise<void> {
  await sql`update member set role = ${role}
    where workspace_id = ${workspaceId} and account_id = ${accountId}`.execute(ctx.tx);
}

export async function deleteMember(ctx: TxCtx, workspaceId: string, accountId: string): Promise<void> {
  await sql`delete from member where workspace_id = ${workspaceId} and account_id = ${accountId}`.execute(
    ctx.tx,
  );
}

export async function countOwners(ctx: TxCtx, workspaceId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from member
    where workspace_id = ${workspaceId} and role = 'owner'`.execute(ctx.tx);
  return rows[0]?.count ?? 0;
}

// Invitations

export async function insertInvitation(
  ctx: TxCtx,
  row: Omit<InvitationRow, 'accepted_at' | 'accepted_by'> & { readonly token_hash: Buffer },
): Promise<void> {
  await sql`insert into invitation (id, workspace_id, email, role, token_hash, created_at, expires_at)
    values (${row.id}, ${row.workspace_id}, ${row.email}, ${row.role}, ${row.token_hash}, ${row.created_at},
      ${row.expires_at})`.execute(ctx.tx);
}

/** The open one to this address, if there is one; expired ones are not open. */
export async function hasOpenInvitation(
  ctx: TxCtx,
  workspaceId: string,
  email: string,
  now: Date,
): Promise<boolean> {
  const { rows } = await sql`select 1 from invitation where workspace_id = ${workspaceId} and email = ${email}
    and accepted_at is null and expires_at > ${now}`.execute(ctx.tx);
  return rows.length > 0;
}

/** Makes room for a new invitation to an address whose last one has expired. */
export async function deleteExpiredInvitation(
  ctx: TxCtx,
  workspaceId: string,
  email: string,
  now: Date,
): Promise<void> {
  await sql`delete from invitation where workspace_id = ${workspaceId} and email = ${email}
    and accepted_at is null and expires_at <= ${now}`.execute(ctx.tx);
}

export async function listOpenInvitations(
  ctx: TxCtx,
  workspaceId: string,
  now: Date,
  page: Page,
): Promise<InvitationRow[]> {
  const { rows } = await sql<InvitationRow>`select * from invitation
    where workspace_id = ${workspaceId} and accepted_at is null and expires_at > ${now}
      and (${page.after ?? null}::uuid is null or id > ${page.after ?? null}::uuid)
    order by id limit ${page.limit}`.execute(ctx.tx);
  return rows;
}

export async function findInvitationByToken(
  ctx: TxCtx,
  tokenHash: Buffer,
): Promise<InvitationRow | undefined> {
  const { rows } = await sql<InvitationRow>`select * from invitation where token_hash = ${tokenHash}`.execute(
    ctx.tx,
  );
  return rows[0];
}

/** Says whether there was one that nobody had accepted. */
export async function deleteOpenInvitation(ctx: TxCtx, workspaceId: string, id: string): Promise<boolean> {
  const { rows } = await sql`delete from invitation
    where id = ${id} and workspace_id = ${workspaceId} and accepted_at is null returning id`.execute(ctx.tx);
  return rows.length === 1;
}

export async function markAccepted(ctx: TxCtx, id: string, accountId: string, at: Date): Promise<void> {
  await sql`update invitation set accepted_at = ${at}, accepted_by = ${accountId} where id = ${id}`.execute(
    ctx.tx,
  );
}

/** Answers how many went. */
export async function deleteInvitationsExpiredBefore(ctx: TxCtx, before: Date): Promise<number> {
  const { rows } = await sql`delete from invitation where expires_at < ${before} returning id`.execute(
    ctx.tx,
  );
  return rows.length;
}

// Quota

export async function findQuota(ctx: TxCtx, workspaceId: string): Promise<QuotaRow | undefined> {
  const { rows } = await sql<QuotaRow>`select * from workspace_quota
    where workspace_id = ${workspaceId}`.execute(ctx.tx);
  return rows[0];
}

export async function countMembers(ctx: TxCtx, workspaceId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from member
    where workspace_id = ${workspaceId}`.execute(ctx.tx);
  return rows[0]?.count ?? 0;
}

export async function countOpenInvitations(ctx: TxCtx, workspaceId: string, now: Date): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from invitation
    where workspace_id = ${workspaceId} and accepted_at is null and expires_at > ${now}`.execute(ctx.tx);
  return rows[0]?.count ?? 0;
}

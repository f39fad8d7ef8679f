import type { Quota, Workspace, WorkspaceList } from '@alcove/contract/workspaces';
import {
  type AccountActor,
  asSystem,
  type Ctx,
  inTransaction,
  type KeyActor,
  type MemberActor,
  type Role,
  type TxCtx,
} from '../../context.ts';
import * as errors from './errors.ts';
import { type PageQuery, readPage } from './page.ts';
import type { WorkspaceParts } from './parts.ts';
import { lockAndFindRole, requireRole } from './policy.ts';
import { readQuota } from './quota.ts';
import * as store from './store.ts';

export interface WorkspaceService {
  /** What an actor may do in a workspace; undefined when it is none of theirs. Asked anew for every request. */
  findRole(ctx: Ctx, actor: AccountActor | KeyActor, workspaceId: string): Promise<Role | undefined>;
  list(ctx: Ctx<MemberActor>, page: PageQuery): Promise<WorkspaceList>;
  create(ctx: Ctx<AccountActor>, name: string): Promise<Workspace>;
  read(ctx: Ctx<MemberActor>): Promise<Workspace>;
  rename(ctx: Ctx<MemberActor>, name: string): Promise<Workspace>;
  /** With everything in it. */
  remove(ctx: Ctx<MemberActor>): Promise<void>;
  quota(ctx: Ctx<MemberActor>): Promise<Quota>;
}

/** A key does what an admin of its workspace could do, as far as its scopes reach. */
const roleOfKeys: Role = 'admin';

export function createWorkspaceService(parts: WorkspaceParts): WorkspaceService {
  const { clock, ids, audit, events, limits } = parts;
  return {
    async findRole(ctx, actor, workspaceId) {
      if (actor.kind === 'key') return actor.workspaceId === workspaceId ? roleOfKeys : undefined;
      return asSystem(ctx, (tx) => store.findRole(tx, workspaceId, actor.accountId));
    },

    list: (ctx, query) =>
      inTransaction(ctx, async (tx) => {
        const { actor } = tx;
        if (actor.kind === 'key') return { data: [await readActing(tx)], nextCursor: null };
        const read = (page: { after: string | undefined; limit: number }) =>
          store.listWorkspaces(tx, actor.accountId, page);
        return readPage(query, read, { render, idOf: ({ id }) => id });
      }),

    // The one who makes it belongs to it only afterwards, so no tenant's transaction could.
    create: (ctx, name) =>
      asSystem(ctx, async (tx) => {
        const { accountId } = tx.actor;
        if (await store.isGuest(tx, accountId)) throw errors.guestsMakeNone();
        if ((await store.lockAndCountOwned(tx, accountId)) >= limits.ownedMax)
          throw errors.tooManyWorkspaces(`An account may own ${limits.ownedMax}.`);
        const id = ids.uuid();
        const createdAt = new Date(clock.now());
        await store.insertWorkspace(tx, { id, name, createdAt });
        await store.insertMember(tx, { workspaceId: id, accountId, role: 'owner', createdAt });
        const subject = { type: 'workspace', id };
        await audit.record(tx, { action: 'workspace.created', target: subject, workspaceId: id });
        await events.append(tx, { type: 'workspace.created', workspaceId: id, subject });
        return render({ id, name, role: 'owner', personal: false, created_at: createdAt });
      }),

    read: (ctx) => inTransaction(ctx, readActing),

    rename: (ctx, name) =>
      inTransaction(ctx, async (tx) => {
        requireRole(await lockAndFindRole(tx), 'workspace.rename');
        const { workspaceId } = tx.actor;
        await store.renameWorkspace(tx, workspaceId, name);
        const subject = { type: 'workspace', id: workspaceId };
        await audit.record(tx, { action: 'workspace.renamed', target: subject });
        await events.append(tx, { type: 'workspace.updated', workspaceId, subject });
        return readActing(tx);
      }),

    // As the owner of the tables: what hangs on a workspace goes with it, whoever's it is.
    remove: (ctx) =>
      asSystem(ctx, async (tx) => {
        requireRole(await lockAndFindRole(tx), 'workspace.delete');
        const { workspaceId } = tx.actor;
        if (await store.isPersonal(tx, workspaceId)) throw errors.personalWorkspace();
        await audit.close(tx, workspaceId);
        await events.forget(tx, workspaceId);
        await store.deleteWorkspace(tx, workspaceId);
        const subject = { type: 'workspace', id: workspaceId };
        await events.append(tx, { type: 'workspace.deleted', workspaceId, subject });
        await recordEnd(tx, parts, subject);
      }),

    quota: (ctx) => inTransaction(ctx, (tx) => readQuota(tx, tx.actor.workspaceId, parts)),
  };
}

/** Its own log is gone with it, so the log of the one who deleted it says so. */
async function recordEnd(
  ctx: TxCtx<MemberActor>,
  { audit }: WorkspaceParts,
  target: { type: string; id: string },
): Promise<void> {
  if (ctx.actor.kind !== 'account') throw new Error('only an account can own a workspace');
  const workspaceId = await store.findPersonalWorkspaceId(ctx, ctx.actor.accountId);
  if (workspaceId === undefined) throw new Error('an account without a personal workspace');
  await audit.record(ctx, { action: 'workspace.deleted', target, workspaceId });
}

async function readActing(ctx: TxCtx<MemberActor>): Promise<Workspace> {
  const { actor } = ctx;
  const row = await store.findWorkspace(ctx, actor.workspaceId);
  if (row === undefined) throw errors.workspaceNotFound();
  if (actor.kind === 'key') return render({ ...row, role: actor.role, personal: false });
  const member = await store.findMember(ctx, actor.workspaceId, actor.accountId);
  if (member === undefined) throw errors.workspaceNotFound();
  return render({ ...row, role: member.role, personal: member.personal });
}

function render(row: store.WorkspaceRow): Workspace {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    personal: row.personal,
    createdAt: row.created_at.toISOString(),
  };
}

/** `client.workspaces`: the teams that an account belongs to. */
import { type Api, allOf } from './api.ts';
import type { Invitation, InvitationCreated, InviteRequest, Member, Quota, Workspace } from './openapi.ts';

type Role = Workspace['role'];

/**
 * Calls about workspaces. Each wants a role there: viewers read, admins invite and manage members, owners also delete.
 * For whoever is no member a workspace is not there (`workspace.not_found`); a role too low is `auth.forbidden`.
 */
export interface WorkspaceCalls {
  /**
   * The workspaces of the account, or of the API key.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.account.signUp({ email: `w-${crypto.randomUUID()}@example.org`, password: 'to my office early' });
   * const office = await client.workspaces.create({ name: 'Navy Office' });
   * await client.workspaces.rename(office.id, { name: 'Navy Board' });
   * assert.equal((await client.workspaces.get(office.id)).name, 'Navy Board');
   * assert.equal((await client.workspaces.list()).length, 2); // the personal one, and this
   * assert.equal((await client.workspaces.quota(office.id)).used.members, 1);
   *
   * const call = await client.api('GET', '/api/v1/workspaces/{workspaceId}', { params: { workspaceId: office.id } });
   * assert.equal(call.role, 'owner'); // any call of the API, by its method and path
   * await client.workspaces.delete(office.id);
   * ```
   */
  list(): Promise<Workspace[]>;
  /** Makes a workspace; whoever makes it owns it. */
  create(input: { name: string }): Promise<Workspace>;
  get(workspaceId: string): Promise<Workspace>;
  rename(workspaceId: string, change: { name: string }): Promise<Workspace>;
  /** Deletes a workspace with everything in it. A personal one ends with its account. */
  delete(workspaceId: string): Promise<void>;
  /** What the workspace may use, and what it uses. */
  quota(workspaceId: string): Promise<Quota>;

  members(workspaceId: string): Promise<Member[]>;
  /** Gives a member another role. The last owner keeps theirs. */
  changeRole(workspaceId: string, accountId: string, role: Role): Promise<Member>;
  /** Takes a member out; with one's own id, leaves. */
  removeMember(workspaceId: string, accountId: string): Promise<void>;

  /**
   * Invites a mail address. The answer holds the token, which whoever has it can accept; the letter holds it too.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * const url = 'http://127.0.0.1:8080';
   * await using samuel = await createClient({ url, storage: memoryStorage() });
   * await using will = await createClient({ url, storage: memoryStorage() });
   * const password = 'strange how these men';
   * const email = `will-${crypto.randomUUID()}@example.org`;
   * await samuel.account.signUp({ email: `samuel-${crypto.randomUUID()}@example.org`, password });
   * await will.account.signUp({ email, password });
   *
   * const office = await samuel.workspaces.create({ name: 'Navy Office' });
   * const { token } = await samuel.workspaces.invite(office.id, { email, role: 'member' });
   * await will.workspaces.acceptInvitation(token);
   * const members = await samuel.workspaces.members(office.id);
   * assert.deepEqual(members.map(({ role }) => role).sort(), ['member', 'owner']);
   * ```
   */
  invite(workspaceId: string, invitation: InviteRequest): Promise<InvitationCreated>;
  /** Invitations that can still be accepted, without their tokens. */
  invitations(workspaceId: string): Promise<Invitation[]>;
  withdrawInvitation(workspaceId: string, invitationId: string): Promise<void>;
  /** Becomes a member, and answers of what. */
  acceptInvitation(token: string): Promise<Workspace>;
}

const root = '/api/v1/workspaces';
const one = `${root}/{workspaceId}` as const;

export function createWorkspaces(api: Api): WorkspaceCalls {
  return {
    list: () => allOf((cursor) => api('GET', root, { query: cursor })),
    create: (body) => api('POST', root, { body }),
    get: (workspaceId) => api('GET', one, { params: { workspaceId } }),
    rename: (workspaceId, body) => api('PATCH', one, { params: { workspaceId }, body }),
    async delete(workspaceId) {
      await api('DELETE', one, { params: { workspaceId } });
    },
    quota: (workspaceId) => api('GET', `${one}/quota`, { params: { workspaceId } }),
    members: (workspaceId) =>
      allOf((query) => api('GET', `${one}/members`, { params: { workspaceId }, query })),
    changeRole: (workspaceId, accountId, role) =>
      api('PATCH', `${one}/members/{accountId}`, { params: { workspaceId, accountId }, body: { role } }),
    async removeMember(workspaceId, accountId) {
      await api('DELETE', `${one}/members/{accountId}`, { params: { workspaceId, accountId } });
    },
    invite: (workspaceId, body) => api('POST', `${one}/invitations`, { params: { workspaceId }, body }),
    invitations: (workspaceId) =>
      allOf((query) => api('GET', `${one}/invitations`, { params: { workspaceId }, query })),
    async withdrawInvitation(workspaceId, invitationId) {
      await api('DELETE', `${one}/invitations/{invitationId}`, { params: { workspaceId, invitationId } });
    },
    acceptInvitation: (token) => api('POST', `${root}/invitations/accept`, { body: { token } }),
  };
}

/** What an account does with itself, its devices and its keys, written down in its personal workspace. */
import type { TxCtx } from '../../context.ts';
import type { Events, NewEvent } from '../../platform/events/index.ts';
import type { Audit, AuditRecord } from '../audit/index.ts';
import { findPersonalWorkspaceId } from './trail-store.ts';

export interface Trail {
  /** Adds to the audit log of the account's personal workspace, last in a transaction. */
  record(ctx: TxCtx, accountId: string, record: Omit<AuditRecord, 'workspaceId'>): Promise<void>;
  /** Appends an event to the account's personal workspace. */
  announce(ctx: TxCtx, accountId: string, event: Omit<NewEvent, 'workspaceId'>): Promise<void>;
}

export type AnnounceDevices = (ctx: TxCtx, accountId: string) => Promise<void>;

export function createTrail({
  audit,
  events,
  announceDevices,
}: {
  readonly audit: Audit;
  readonly events: Events<TxCtx>;
  /** Tells an account's devices, with the commit, that devices or keys have changed. */
  readonly announceDevices: AnnounceDevices;
}): Trail {
  return {
    async record(ctx, accountId, record) {
      if (concernsDevices(record.action)) await announceDevices(ctx, accountId);
      await audit.record(ctx, { ...record, workspaceId: await requirePersonalWorkspace(ctx, accountId) });
    },
    async announce(ctx, accountId, event) {
      await events.append(ctx, { ...event, workspaceId: await requirePersonalWorkspace(ctx, accountId) });
    },
  };
}

/** Whatever admits a device, takes one out or gives them keys is written down under such a name. */
const concernsDevices = (action: string) => /^(?:device|epoch|recovery)\./.test(action);

/** Who signs in becomes known only on the way: until then nobody acts, and the account is named by hand. */
export const asAccount = (accountId: string): `account:${string}` => `account:${accountId}`;

async function requirePersonalWorkspace(ctx: TxCtx, accountId: string): Promise<string> {
  const id = await findPersonalWorkspaceId(ctx, accountId);
  if (id === undefined) throw new Error('an account without a personal workspace');
  return id;
}

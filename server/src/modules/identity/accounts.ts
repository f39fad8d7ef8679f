import type { Me } from '@alcove/contract/identity';
import { type AccountActor, type Ctx, inTransaction } from '../../context.ts';
import * as errors from './errors.ts';
import { renderAccount, renderDevice, renderSession, renderWorkspace } from './render.ts';
import type { Sessions } from './sessions.ts';
import * as store from './store.ts';
import type { Trail } from './trail.ts';

export interface Accounts {
  me(ctx: Ctx<AccountActor>): Promise<Me>;
  logout(ctx: Ctx<AccountActor>, everywhere: boolean): Promise<void>;
}

export function createAccounts(parts: { readonly sessions: Sessions; readonly trail: Trail }): Accounts {
  const { sessions, trail } = parts;
  return {
    me: (ctx) =>
      inTransaction(ctx, async (tx) => {
        const { accountId, sessionId, deviceId } = tx.actor;
        const account = await store.findAccount(tx, accountId);
        const session = await store.findLiveSession(tx, sessionId);
        if (account === undefined || session === undefined) throw errors.sessionEnded();
        const device = deviceId === undefined ? undefined : await store.findDevice(tx, accountId, deviceId);
        return {
          account: renderAccount(account),
          session: renderSession(session, sessionId),
          ...(device === undefined ? {} : { device: renderDevice(device, deviceId) }),
          workspaces: (await store.listWorkspaces(tx, accountId)).map(renderWorkspace),
        };
      }),

    logout: (ctx, everywhere) =>
      inTransaction(ctx, async (tx) => {
        const { accountId, sessionId } = tx.actor;
        await sessions.end(tx, accountId, everywhere ? {} : { sessionId });
        await trail.record(tx, accountId, {
          action: 'session.ended',
          target: { type: 'session', id: sessionId },
          detail: { everywhere },
        });
      }),
  };
}

/** What every way of signing in ends with: a session of the account, on a device, with its first tokens. */
import type { SessionOpened } from '@alcove/contract/account';
import type { SignedIn } from '@alcove/contract/identity';
import type { TxCtx } from '../../context.ts';
import type { Clock } from '../../platform/clock/index.ts';
import type { Ids } from '../../platform/ids/index.ts';
import { renderAccount, renderDevice, renderWorkspace } from './render.ts';
import * as store from './store.ts';
import type { TokenService } from './tokens.ts';
import type { Trail } from './trail.ts';

export interface SignInParts {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly tokens: TokenService;
  readonly trail: Trail;
}

export interface WhoSignsIn {
  readonly accountId: string;
  readonly device?: store.DeviceRow | undefined;
  /** The recovery key that lets the device in. */
  readonly recoveryId?: string;
}

/** From one of the account's devices. */
export async function signIn(
  ctx: TxCtx,
  parts: SignInParts,
  device: store.DeviceRow,
  by: Pick<WhoSignsIn, 'recoveryId'> = {},
): Promise<SignedIn> {
  const opened = await openSession(ctx, parts, { accountId: device.account_id, device, ...by });
  return { ...opened, device: renderDevice(device, device.id) };
}

export async function openSession(
  ctx: TxCtx,
  parts: SignInParts,
  { accountId, device, recoveryId }: WhoSignsIn,
): Promise<SessionOpened> {
  const account = await store.findAccount(ctx, accountId);
  const [workspace] = await store.listWorkspaces(ctx, accountId);
  if (account === undefined || workspace === undefined)
    throw new Error('an account without a personal workspace');
  const session = {
    id: parts.ids.uuid(),
    account_id: account.id,
    device_id: device?.id ?? null,
    workspace_id: workspace.id,
    recovery_id: recoveryId ?? null,
    user_agent: ctx.origin.userAgent ?? null,
    created_at: new Date(parts.clock.now()),
    last_seen_at: null,
  };
  await store.insertSession(ctx, session);
  return {
    account: renderAccount(account),
    ...(device === undefined ? {} : { device: renderDevice(device, device.id) }),
    workspace: renderWorkspace(workspace),
    tokens: await parts.tokens.issue(ctx, session),
  };
}

/** The keys of a vault: which epochs there are, this device's wrapped share of each, and the recovery key. */
import { Keys, MintRequest, RecoveryMember, SetRecoveryRequest } from '@alcove/contract';
import { type Route, route } from '../../http/route.ts';
import type { Keyring, Recovery } from '../identity/index.ts';

/** 1000 devices with the longest share each, and the log entries that name them. */
const mintBodyBytesMax = 6 * 1024 * 1024;

export function keyRoutes({
  keyring,
  recovery,
}: {
  readonly keyring: Keyring;
  readonly recovery: Recovery;
}): Route[] {
  return [
    route(
      {
        method: 'GET',
        path: '/api/v1/sync/keys',
        tag: 'sync',
        summary: 'Read my key shares and the device log',
        caller: 'device',
        rate: 'read',
        idempotency: 'none',
        success: { status: 200, body: Keys, description: 'Wrapped keys that only this device can open.' },
      },
      (ctx) => keyring.read(ctx),
    ),
    route(
      {
        method: 'PUT',
        path: '/api/v1/sync/keys',
        tag: 'sync',
        summary: 'Mint the next epoch',
        description:
          'Appends to the device log and hands the new epoch key, wrapped, to every device that the log admits. ' +
          'The first epoch comes with the genesis entry. Sending the same again is answered the same.',
        caller: 'device',
        rate: 'write',
        idempotency: 'transaction',
        body: MintRequest,
        bodyBytesMax: mintBodyBytesMax,
        success: { status: 200, body: Keys, description: 'The keys as they now are.' },
      },
      (ctx, { body }) => keyring.mint(ctx, body),
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/sync/recovery',
        tag: 'sync',
        summary: 'Read the recovery key',
        caller: 'device',
        rate: 'read',
        idempotency: 'none',
        success: { status: 200, body: RecoveryMember, description: 'Its public keys and its blob.' },
      },
      (ctx) => recovery.get(ctx),
    ),
    route(
      {
        method: 'PUT',
        path: '/api/v1/sync/recovery',
        tag: 'sync',
        summary: 'Set or replace the recovery key',
        description:
          'Appends its entry to the device log and hands it every epoch key, wrapped. With `replaces`, the one before is taken out ' +
          'and the next epoch minted in the same moment. Sending the same again is answered the same.',
        caller: 'device',
        rate: 'write',
        idempotency: 'transaction',
        body: SetRecoveryRequest,
        bodyBytesMax: mintBodyBytesMax,
        success: { status: 200, body: RecoveryMember, description: 'The recovery key as it now is.' },
      },
      (ctx, { body }) => recovery.set(ctx, body),
    ),
  ];
}

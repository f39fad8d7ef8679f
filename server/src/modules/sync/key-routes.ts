/** The keys of a vault: which epochs there are, and this device's wrapped share of each. */
import { Keys, MintRequest } from '@alcove/contract';
import { type Route, route } from '../../http/route.ts';
import type { Keyring } from '../identity/index.ts';

/** 1000 devices with the longest share each, and the log entries that name them. */
const mintBodyBytesMax = 6 * 1024 * 1024;

export function keyRoutes(keyring: Keyring): Route[] {
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
  ];
}

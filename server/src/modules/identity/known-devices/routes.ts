import { Challenge, ChallengeRequest, DeviceProof, SignedIn } from '@alcove/contract/identity';
import { type Route, route } from '../../../http/route.ts';
import type { Identity } from '../index.ts';

const common = { method: 'POST', tag: 'identity', caller: 'anyone', rate: 'sign-in' } as const;

export function knownDeviceRoutes(identity: Pick<Identity, 'deviceProofs' | 'deviceLogin'>): Route[] {
  return [
    route(
      {
        ...common,
        path: '/api/v1/auth/challenges',
        idempotency: 'none',
        summary: 'Get something to sign, to sign in as a device that is known',
        description: 'Good once and for a minute. Whether there is such a device is not told.',
        body: ChallengeRequest,
        success: { status: 201, body: Challenge, description: 'The challenge.' },
      },
      (_ctx, { body }) => identity.deviceProofs.challenge(body.deviceId),
    ),
    route(
      {
        ...common,
        path: '/api/v1/auth/device-login',
        idempotency: 'transaction',
        summary: 'Sign in again as a device of an anonymous account',
        description:
          'The signature covers `alcove-device-sign-in-v1`, the id of the device and the challenge, joined by newlines. ' +
          'A device of an account with a password or a provider is answered 403 `auth.device_not_enough`: it sends the same proof as `known` to /auth/login or /auth/oauth/exchange.',
        body: DeviceProof,
        success: { status: 200, body: SignedIn, description: 'The account, this very device, new tokens.' },
      },
      (ctx, { body }) => identity.deviceLogin(ctx, body),
    ),
  ];
}

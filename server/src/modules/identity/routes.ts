import { Strict, Uuid } from '@alcove/contract/common';
import {
  Claimed,
  ClaimRequest,
  Device,
  DeviceList,
  Jwks,
  LogoutRequest,
  Me,
  PairDeviceRequest,
  PairDeviceResponse,
  Pairing,
  PairingRequest,
  PairingStarted,
  RefreshRequest,
  RefreshResponse,
  RegisterRequest,
  RenameDeviceRequest,
  SignedIn,
} from '@alcove/contract/identity';
import Type from 'typebox';
import { type Route, route } from '../../http/route.ts';
import { accountRoutes } from './account-routes.ts';
import { apiKeyRoutes } from './api-keys/routes.ts';
import { guestRoutes } from './guests/routes.ts';
import type { Identity } from './index.ts';
import { knownDeviceRoutes } from './known-devices/routes.ts';
import { linkRoutes } from './oauth/link-routes.ts';
import { oauthRoutes } from './oauth/routes.ts';
import { passwordRoutes } from './passwords/routes.ts';
import { providerKeyRoutes } from './provider-keys/routes.ts';
import { recoveryRoutes } from './recovery/routes.ts';
import { sessionListRoutes } from './session-list-routes.ts';

const tag = 'identity';
const Id = Strict({ id: Uuid });
const Page = Strict({
  cursor: Type.Optional(Uuid),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
});

export function identityRoutes(identity: Identity): Route[] {
  const { accounts, devices, pairing, tokens } = identity;
  return [
    route(
      {
        method: 'POST',
        path: '/api/v1/auth/register',
        tag,
        idempotency: 'transaction',
        caller: 'anyone',
        rate: 'sign-in',
        summary: 'Make an anonymous account',
        description:
          "Takes the first device's public keys: no name, no mail. The private halves stay on the device.",
        body: RegisterRequest,
        success: {
          status: 201,
          body: SignedIn,
          description: 'The account, its first device and its tokens.',
        },
      },
      (ctx, { body }) => identity.register(ctx, body),
    ),
    route(
      {
        method: 'POST',
        path: '/api/v1/auth/pairings',
        tag,
        idempotency: 'transaction',
        caller: 'anyone',
        rate: 'sign-in',
        summary: 'Start a pairing, from the new device',
        body: PairingRequest,
        success: {
          status: 201,
          body: PairingStarted,
          description: 'What the new device shows and later signs.',
        },
      },
      (ctx, { body }) => pairing.start(ctx, body.device),
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/auth/pairings/:id',
        tag,
        idempotency: 'none',
        caller: 'device',
        rate: 'read',
        summary: 'Look at a pairing, from a device of the account',
        params: Id,
        success: {
          status: 200,
          body: Pairing,
          description: 'The pairing and the keys of the device that waits.',
        },
      },
      (ctx, { params }) => pairing.read(ctx, params.id),
    ),
    route(
      {
        method: 'POST',
        path: '/api/v1/auth/pair-device',
        tag,
        idempotency: 'transaction',
        caller: 'device',
        rate: 'write',
        summary: 'Admit a new device',
        description: 'Vouches for the new device in the device log and hands it every epoch key, wrapped.',
        body: PairDeviceRequest,
        success: {
          status: 201,
          body: PairDeviceResponse,
          description: 'The device, which may now claim its pairing.',
        },
      },
      (ctx, { body }) => pairing.approve(ctx, body),
    ),
    route(
      {
        method: 'POST',
        path: '/api/v1/auth/pairings/:id/claim',
        tag,
        idempotency: 'transaction',
        caller: 'anyone',
        rate: 'poll',
        summary: 'Claim an approved pairing, from the new device',
        description:
          'The signature covers `alcove-pairing-claim-v1`, the id and the challenge, joined by newlines.',
        params: Id,
        body: ClaimRequest,
        success: {
          status: 200,
          body: Claimed,
          description: 'The account, the tokens and the wrapped keys. Once only.',
        },
      },
      (ctx, { params, body }) => pairing.claim(ctx, params.id, body.signature),
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/auth/devices',
        tag,
        idempotency: 'none',
        caller: 'account',
        rate: 'read',
        summary: 'List my devices',
        query: Page,
        success: { status: 200, body: DeviceList, description: 'The devices in use.' },
      },
      (ctx, { query }) => devices.list(ctx, query),
    ),
    route(
      {
        method: 'PATCH',
        path: '/api/v1/auth/devices/:id',
        tag,
        idempotency: 'transaction',
        caller: 'account',
        rate: 'write',
        summary: 'Rename a device',
        params: Id,
        body: RenameDeviceRequest,
        success: { status: 200, body: Device, description: 'The device with its new name.' },
      },
      (ctx, { params, body }) => devices.rename(ctx, params.id, body.name),
    ),
    route(
      {
        method: 'DELETE',
        path: '/api/v1/auth/devices/:id',
        tag,
        idempotency: 'transaction',
        caller: 'account',
        rate: 'write',
        summary: 'Revoke a device',
        description:
          'Its tokens die at once. What it already holds it keeps: mint the next epoch for the others.',
        params: Id,
        success: { status: 204, description: 'Revoked.' },
      },
      (ctx, { params }) => devices.revoke(ctx, params.id),
    ),
    route(
      {
        method: 'POST',
        path: '/api/v1/auth/refresh',
        tag,
        idempotency: 'after',
        caller: 'anyone',
        rate: 'refresh',
        summary: 'Get new tokens',
        description:
          'Rotates the refresh token. Replaying the one before within 10 seconds gives the same successor; with `deviceSignature` (over `alcove-refresh-v1`, newline, the refresh token) it does so until the successor is used. Any other replay ends the session.',
        body: RefreshRequest,
        success: { status: 200, body: RefreshResponse, description: 'New tokens.' },
      },
      async (ctx, { body }) => ({
        tokens: await tokens.refresh(ctx, body.refreshToken, body.deviceSignature),
      }),
    ),
    route(
      {
        method: 'POST',
        path: '/api/v1/auth/logout',
        tag,
        idempotency: 'transaction',
        caller: 'account',
        rate: 'write',
        summary: 'End this session, or all of them',
        body: LogoutRequest,
        success: { status: 204, description: 'Ended.' },
      },
      (ctx, { body }) => accounts.logout(ctx, body.everywhere === true),
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/auth/me',
        tag,
        idempotency: 'none',
        caller: 'account',
        rate: 'read',
        summary: 'Who I am',
        success: { status: 200, body: Me, description: 'Account, session, device and workspaces.' },
      },
      (ctx) => accounts.me(ctx),
    ),
    route(
      {
        method: 'GET',
        path: '/.well-known/jwks.json',
        tag,
        idempotency: 'none',
        caller: 'anyone',
        rate: 'read',
        summary: 'The keys that access tokens are signed with',
        success: { status: 200, body: Jwks, description: 'A JWKS (RFC 7517).' },
      },
      () => identity.jwks(),
    ),
    ...knownDeviceRoutes(identity),
    ...recoveryRoutes(identity),
    ...accountRoutes(identity),
    ...passwordRoutes(identity.passwords),
    ...oauthRoutes(identity.oauth, identity.publicUrl),
    ...linkRoutes(identity.links),
    ...apiKeyRoutes(identity),
    ...sessionListRoutes(identity.sessionList),
    ...guestRoutes(identity.guests),
    ...providerKeyRoutes(identity.providerKeys),
  ];
}

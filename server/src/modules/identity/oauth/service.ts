/** Signing in with Google or GitHub: authorization code with PKCE (RFC 7636), a state bound to the browser (RFC 9700). */
import { createHmac } from 'node:crypto';
import type {
  OAuthCallbackQuery,
  OAuthExchangeRequest,
  OAuthProvider,
  OAuthStartQuery,
  SessionOpened,
} from '@alcove/contract/account';
import { asSystem, type Ctx, type TxCtx } from '../../../context.ts';
import type { OAuthSettings } from '../../../platform/config/index.ts';
import { createToken, hashToken, type MasterKeys } from '../../../platform/crypto/index.ts';
import { Failure } from '../../../platform/errors/index.ts';
import { readComingDevice, receiveDevice } from '../coming-device.ts';
import type { DeviceProofs } from '../known-devices/proofs.ts';
import { openSession, type SignInParts } from '../sign-in.ts';
import { asAccount } from '../trail.ts';
import { findOrAddAccount } from './accounts.ts';
import { isShown } from './ask.ts';
import * as errors from './errors.ts';
import { createGithub } from './github.ts';
import { createGoogle, withQuery } from './google.ts';
import { deleteExpiredLinkCodes } from './link-store.ts';
import { issueLinkCode } from './links.ts';
import type { Identified, Provider } from './provider.ts';
import * as store from './store.ts';

export interface OAuth {
  /** Where the browser goes, and what it keeps in its cookie meanwhile. */
  start(ctx: Ctx, request: StartRequest): Promise<{ location: string; browser: string }>;
  /** Where the browser goes with a code for the app; without an app that waits, who signed in. */
  finish(ctx: Ctx, request: FinishRequest): Promise<{ location: string } | SessionOpened>;
  exchange(ctx: Ctx, request: OAuthExchangeRequest): Promise<SessionOpened>;
  sweep(tx: TxCtx): Promise<void>;
}

interface StartRequest extends OAuthStartQuery {
  readonly provider: OAuthProvider;
  /** What the browser's cookie holds already. */
  readonly browser: string | undefined;
}

interface FinishRequest extends OAuthCallbackQuery {
  readonly provider: OAuthProvider;
  readonly browser: string | undefined;
}

export interface OAuthParts extends SignInParts {
  readonly deviceProofs: DeviceProofs;
  readonly publicUrl: string;
  readonly masterKeys: MasterKeys;
  readonly settings: OAuthSettings;
}

export const flowSeconds = 600;
const codeMs = 60_000;

export function createOAuth(parts: OAuthParts): OAuth {
  const { clock, settings } = parts;
  const providers = createProviders(parts);
  const secretKey = parts.masterKeys[0].derive('oauth flows');

  /** What belongs to a flow follows from its state, of which only a hash is kept: there is nothing to steal meanwhile. */
  const secretsOf = (state: string) => ({
    codeVerifier: createHmac('sha256', secretKey).update(`verifier:${state}`).digest('base64url'),
    nonce: createHmac('sha256', secretKey).update(`nonce:${state}`).digest('base64url'),
  });
  const redirectUriOf = (name: OAuthProvider) => `${parts.publicUrl}/api/v1/auth/oauth/${name}/callback`;

  function getProvider(name: OAuthProvider): Provider {
    const provider = providers[name];
    if (provider === undefined) throw errors.providerUnknown();
    return provider;
  }

  async function identify(ctx: Ctx, { provider: name, code, error }: FinishRequest, state: string) {
    if (code === undefined || error !== undefined) throw errors.denied();
    const { signal } = ctx;
    const redirectUri = redirectUriOf(name);
    return getProvider(name).identify({ code, redirectUri, signal, ...secretsOf(state) });
  }

  async function issueCode(tx: TxCtx, flow: store.FlowRow, accountId: string): Promise<string> {
    const code = createToken();
    await store.insertCode(tx, {
      hash: hashToken(code),
      account_id: accountId,
      provider: flow.provider,
      code_challenge: flow.code_challenge,
      expires_at: new Date(clock.now() + codeMs),
    });
    return code;
  }

  async function linkLocation(ctx: Ctx, redirect: string, flow: store.FlowRow, identified: Identified) {
    const { provider, code_challenge: challenge } = flow;
    if (challenge === null) throw errors.linkNeedsApp();
    const row = { provider, code_challenge: challenge, expires_at: new Date(clock.now() + codeMs) };
    const code = await asSystem(ctx, (tx) => issueLinkCode(tx, row, identified));
    return { location: withQuery(redirect, { code }) };
  }

  return {
    async start(ctx, { provider: name, redirect, codeChallenge, purpose = 'sign-in', browser: known }) {
      const provider = getProvider(name);
      if (redirect !== undefined && !settings.redirects.includes(redirect)) throw errors.redirectNotAllowed();
      if (purpose === 'link' && (redirect === undefined || codeChallenge === undefined))
        throw errors.linkNeedsApp();
      const state = createToken();
      // A browser may be in the middle of several sign-ins: they share its cookie.
      const browser = known !== undefined && /^[\w-]{43}$/.test(known) ? known : createToken();
      const redirectUri = redirectUriOf(name);
      const location = await provider.authorizeUrl({ state, redirectUri, ...secretsOf(state) });
      await asSystem(ctx, (tx) =>
        store.insertFlow(tx, {
          state_hash: hashToken(state),
          provider: name,
          browser_hash: hashToken(browser),
          redirect: redirect ?? null,
          code_challenge: codeChallenge ?? null,
          purpose,
          expires_at: new Date(clock.now() + flowSeconds * 1000),
        }),
      );
      return { location, browser };
    },

    async finish(ctx, request) {
      const { provider, state, browser } = request;
      if (state === undefined || browser === undefined) throw errors.stateInvalid();
      const hashes = { state_hash: hashToken(state), browser_hash: hashToken(browser) };
      const now = new Date(clock.now());
      const flow = await asSystem(ctx, (tx) => store.takeFlow(tx, { ...hashes, provider, now }));
      if (flow === undefined) throw errors.stateInvalid();
      const { redirect } = flow;
      return tellApp(redirect, async () => {
        const identified = await identify(ctx, request, state);
        if (redirect !== null && flow.purpose === 'link')
          return linkLocation(ctx, redirect, flow, identified);
        return findOrAddAccount(ctx, { ...parts, provider, identified }, async (tx, accountId) =>
          redirect === null
            ? open(tx, parts, { accountId, provider })
            : { location: withQuery(redirect, { code: await issueCode(tx, flow, accountId) }) },
        );
      });
    },

    async exchange(ctx, { code, codeVerifier, ...sent }) {
      const coming = await readComingDevice(sent);
      return asSystem(ctx, async (tx) => {
        const row = await store.takeCode(tx, hashToken(code), new Date(clock.now()));
        if (row === undefined || !isShown(codeVerifier, row.code_challenge)) throw errors.codeInvalid();
        const { account_id: accountId, provider } = row;
        const device = await receiveDevice(tx, parts, accountId, coming);
        return open(tx, parts, { accountId, provider, device });
      });
    },

    async sweep(tx) {
      const now = new Date(clock.now());
      await store.deleteExpiredFlows(tx, now);
      await deleteExpiredLinkCodes(tx, now);
    },
  };
}

function createProviders({
  settings,
  clock,
}: OAuthParts): Readonly<Partial<Record<OAuthProvider, Provider>>> {
  const { google, github } = settings;
  return {
    ...(google === undefined ? {} : { google: createGoogle(google, { clock }) }),
    ...(github === undefined ? {} : { github: createGithub(github) }),
  };
}

/** An app that waits hears of a failure too: its person looks at it and not at us. */
async function tellApp<T>(
  redirect: string | null,
  work: () => Promise<T>,
): Promise<T | { location: string }> {
  try {
    return await work();
  } catch (error) {
    if (redirect === null || !(error instanceof Failure)) throw error;
    return { location: withQuery(redirect, { error: error.code }) };
  }
}

async function open(
  tx: TxCtx,
  parts: SignInParts,
  { provider, ...who }: Parameters<typeof openSession>[2] & { readonly provider: OAuthProvider },
): Promise<SessionOpened> {
  const opened = await openSession(tx, parts, who);
  await parts.trail.record(tx, who.accountId, {
    action: 'session.opened',
    target: { type: 'account', id: who.accountId },
    actor: asAccount(who.accountId),
    detail: { by: provider },
  });
  return opened;
}

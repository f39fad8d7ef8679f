/** Accounts with a mail address and a password. */
import type * as wire from '@alcove/contract/account';
import type { Account } from '@alcove/contract/identity';
import type { AccountActor, Ctx, TxCtx } from '../../../context.ts';
import type { MasterKeys } from '../../../platform/crypto/index.ts';
import type { MailQueue } from '../../../platform/mail/index.ts';
import type { Audit } from '../../audit/index.ts';
import type { createFindOffer } from '../guests/merge.ts';
import type { DeviceProofs } from '../known-devices/proofs.ts';
import type { Letters } from '../letters.ts';
import type { RemoveRecovery } from '../recovery/remove.ts';
import type { Sessions } from '../sessions.ts';
import type { SignInParts } from '../sign-in.ts';
import { createAttempts } from './attempts.ts';
import { createChange } from './change.ts';
import { createConfirm } from './confirm.ts';
import { createForgot, type Forgot, type ForgotParts } from './forgot.ts';
import { createPasswordHasher, type PasswordHasher } from './hashing.ts';
import { createLogin } from './login.ts';
import { createMailTokens } from './mail-tokens.ts';
import { createReset } from './reset.ts';
import { createSignup } from './signup.ts';
import { postVerification } from './verification.ts';
import { createVerify } from './verify.ts';

export interface Passwords {
  signup(ctx: Ctx, request: wire.SignupRequest): Promise<wire.SessionOpened>;
  login(ctx: Ctx, request: wire.LoginRequest): Promise<wire.LoggedIn>;
  change(ctx: Ctx<AccountActor>, request: wire.ChangePasswordRequest): Promise<void>;
  forgot(ctx: Ctx, email: string): Promise<{ accepted: true }>;
  reset(ctx: Ctx, request: wire.ResetPasswordRequest): Promise<void>;
  /** Takes the code of a letter as proof of its address. */
  verifyEmail(ctx: Ctx, token: string): Promise<{ account: Account }>;
  /** Throws unless it is the password of the account. Answers its hash, by which a later change can be noticed. */
  confirm(ctx: Ctx, accountId: string, password: string): Promise<string>;
  /** Sends a letter that proves the address; says whether it may be sent now. */
  askToVerify(tx: TxCtx, accountId: string, email: string): Promise<boolean>;
  /** Drops what is counted of attempts at an account that goes. */
  forgetLogin(tx: TxCtx, accountId: string, email: string | undefined): Promise<void>;
  readonly hasher: PasswordHasher;
  readonly forgotTask: Forgot['task'];
  sweep(tx: TxCtx): Promise<void>;
}

export interface PasswordParts extends SignInParts, Pick<ForgotParts, 'envelope' | 'jobs'> {
  readonly audit: Audit;
  readonly deviceProofs: DeviceProofs;
  readonly masterKeys: MasterKeys;
  readonly sessions: Sessions;
  readonly removeRecovery: RemoveRecovery;
  readonly findGuestOffer: ReturnType<typeof createFindOffer>;
  readonly mails: MailQueue;
  readonly letters: Letters;
}

export function createPasswords(given: PasswordParts, createCtx: (signal: AbortSignal) => Ctx): Passwords {
  const attempts = createAttempts(given);
  const hasher = createPasswordHasher();
  const mailTokens = createMailTokens(given);
  const confirm = createConfirm({ attempts, hasher });
  const parts = { ...given, attempts, hasher, mailTokens, confirm };
  const forgot = createForgot(parts, createCtx);
  return {
    hasher,
    confirm,
    signup: createSignup(parts),
    login: createLogin(parts),
    change: createChange(parts),
    forgot: forgot.ask,
    forgotTask: forgot.task,
    reset: createReset(parts),
    verifyEmail: createVerify(parts),
    async askToVerify(tx, accountId, email) {
      if (!(await mailTokens.mayIssue(tx, 'verify', accountId))) return false;
      return postVerification(tx, parts, { accountId, email });
    },
    async forgetLogin(tx, accountId, email) {
      await attempts.forgive(tx, `account:${accountId}`);
      if (email !== undefined) await attempts.forgive(tx, email);
    },
    async sweep(tx) {
      await attempts.sweep(tx);
      await mailTokens.sweep(tx);
    },
  };
}

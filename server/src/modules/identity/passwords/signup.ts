import type { SessionOpened, SignupRequest } from '@alcove/contract/account';
import { asSystem, type Ctx } from '../../../context.ts';
import type { MailQueue } from '../../../platform/mail/index.ts';
import { addUnendorsedDevice, readNewDevice } from '../coming-device.ts';
import type { Letters } from '../letters.ts';
import { addAccount } from '../new-account.ts';
import { openSession, type SignInParts } from '../sign-in.ts';
import { insertCredential } from './credential-store.ts';
import { normaliseEmail } from './email.ts';
import { emailTaken } from './errors.ts';
import type { PasswordHasher } from './hashing.ts';
import type { MailTokens } from './mail-tokens.ts';
import { requireAcceptablePassword } from './policy.ts';
import { postVerification } from './verification.ts';

interface SignupParts extends SignInParts {
  readonly hasher: PasswordHasher;
  readonly mailTokens: MailTokens;
  readonly letters: Letters;
  readonly mails: MailQueue;
}

export function createSignup(parts: SignupParts) {
  return async (ctx: Ctx, request: SignupRequest): Promise<SessionOpened> => {
    const email = normaliseEmail(request.email);
    requireAcceptablePassword(request.password, email);
    const coming = request.device === undefined ? undefined : await readNewDevice(request.device);
    const hash = await parts.hasher.hash(ctx.origin.ip, request.password);
    return asSystem(ctx, async (tx) => {
      const accountId = await addAccount(tx, parts, {
        kind: 'password',
        email,
        displayName: request.displayName,
      });
      if (accountId === undefined) throw emailTaken();
      await insertCredential(tx, { accountId, hash, at: new Date(parts.clock.now()) });
      await postVerification(tx, parts, { accountId, email });
      const device =
        coming === undefined ? undefined : await addUnendorsedDevice(tx, parts, accountId, coming);
      return openSession(tx, parts, { accountId, device });
    });
  };
}

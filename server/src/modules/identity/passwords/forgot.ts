import { asSystem, type Ctx, type TxCtx } from '../../../context.ts';
import type { Envelope } from '../../../platform/crypto/index.ts';
import type { Ids } from '../../../platform/ids/index.ts';
import type { Jobs, Task } from '../../../platform/jobs/index.ts';
import type { MailQueue } from '../../../platform/mail/index.ts';
import type { Letters } from '../letters.ts';
import { findCredentialByEmail, holdCredential } from './credential-store.ts';
import { normaliseEmail } from './email.ts';
import type { MailTokens } from './mail-tokens.ts';

export interface ForgotParts {
  readonly envelope: Envelope;
  readonly ids: Ids;
  readonly jobs: Pick<Jobs, 'enqueue'>;
  readonly mails: MailQueue;
  readonly letters: Letters;
  readonly mailTokens: MailTokens;
}

export interface Forgot {
  ask(ctx: Ctx, email: string): Promise<{ accepted: true }>;
  readonly task: Task;
}

const taskName = 'identity.answer-forgotten-password';

/**
 * Whether there is such an account is looked up by a job, after the answer: neither the answer nor its time tells. The
 * address waits encrypted in the queue.
 */
export function createForgot(parts: ForgotParts, createCtx: (signal: AbortSignal) => Ctx): Forgot {
  const { envelope, ids, jobs } = parts;
  return {
    ask: (ctx, email) =>
      asSystem(ctx, async (tx) => {
        const id = ids.uuid();
        const sealed = envelope.encrypt(Buffer.from(normaliseEmail(email)), placeOf(id));
        await jobs.enqueue(tx, taskName, { id, sealed: sealed.toString('base64url') });
        return { accepted: true };
      }),
    task: {
      name: taskName,
      async run({ id = '', sealed = '' }, signal) {
        const email = envelope.decrypt(Buffer.from(sealed, 'base64url'), placeOf(id)).toString('utf8');
        await asSystem(createCtx(signal), (tx) => postReset(tx, parts, email));
      },
    },
  };
}

async function postReset(
  tx: TxCtx,
  { mails, letters, mailTokens }: ForgotParts,
  email: string,
): Promise<void> {
  const credential = await findCredentialByEmail(tx, email);
  // Held, so that of several at once each sees the letter of the one before.
  if (credential === undefined || !(await holdCredential(tx, credential.account_id))) return;
  const accountId = credential.account_id;
  if (!(await mailTokens.mayIssue(tx, 'reset', accountId))) return;
  const token = await mailTokens.issue(tx, 'reset', { accountId, email });
  await mails.post(tx, letters.reset(email, token));
}

const placeOf = (id: string) => ['forgotten-password', id];

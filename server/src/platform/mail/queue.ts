import type { Envelope } from '../crypto/index.ts';
import type { Ids } from '../ids/index.ts';
import type { InTransaction, Jobs, Task } from '../jobs/index.ts';
import type { Mail, Mailer } from './mail.ts';

export interface MailQueue {
  /** Posts a letter if, and only if, the transaction commits. */
  post(ctx: InTransaction, mail: Mail): Promise<void>;
  readonly task: Task;
}

const taskName = 'mail.send';

/** In the queue letters are encrypted, because they carry addresses and tokens. */
export function createMailQueue(parts: {
  readonly envelope: Envelope;
  readonly ids: Ids;
  readonly mailer: Mailer;
  readonly jobs: Pick<Jobs, 'enqueue'>;
}): MailQueue {
  const { envelope, ids, mailer, jobs } = parts;
  return {
    async post(ctx, mail) {
      const id = ids.uuid();
      const sealed = envelope.encrypt(Buffer.from(JSON.stringify(mail)), placeOf(id));
      await jobs.enqueue(ctx, taskName, { id, sealed: sealed.toString('base64url') });
    },
    task: {
      name: taskName,
      async run({ id = '', sealed = '' }, signal) {
        const bytes = envelope.decrypt(Buffer.from(sealed, 'base64url'), placeOf(id));
        const mail: Mail = JSON.parse(bytes.toString('utf8'));
        await mailer.send(mail, signal);
      },
    },
  };
}

const placeOf = (id: string) => ['mail', id];

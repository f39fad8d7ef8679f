import { createHmac } from 'node:crypto';
import type { Clock } from '../clock/index.ts';
import type { Envelope, MasterKeys } from '../crypto/index.ts';
import type { Ids } from '../ids/index.ts';
import type { InTransaction, Jobs, Task } from '../jobs/index.ts';
import { countLetter, deleteCountsBefore } from './letter-count-store.ts';
import type { Mail, Mailer } from './mail.ts';

export interface MailQueue {
  /** Posts a letter if, and only if, the transaction commits. */
  post(ctx: InTransaction, mail: Mail): Promise<void>;
  /**
   * The same for a letter that somebody else than its reader may have caused: a mailbox gets only so many of these in a day,
   * whoever asks for them. Says whether it goes.
   */
  offer(ctx: InTransaction, mail: Mail): Promise<boolean>;
  /** Forgets what was counted longer ago than it matters. */
  sweep(ctx: InTransaction): Promise<void>;
  readonly task: Task;
}

const taskName = 'mail.send';
const offeredMax = 20;
const countedForMs = 24 * 3_600_000;

/** In the queue letters are encrypted, because they carry addresses and tokens. */
export function createMailQueue(parts: {
  readonly clock: Clock;
  readonly envelope: Envelope;
  readonly masterKeys: MasterKeys;
  readonly ids: Ids;
  readonly mailer: Mailer;
  readonly jobs: Pick<Jobs, 'enqueue'>;
}): MailQueue {
  const { clock, envelope, ids, mailer, jobs } = parts;
  const key = parts.masterKeys[0].derive('letter counts');
  const hashOf = (address: string) => createHmac('sha256', key).update(address).digest();
  const forgottenAt = () => new Date(clock.now() - countedForMs);

  async function post(ctx: InTransaction, mail: Mail): Promise<void> {
    const id = ids.uuid();
    const sealed = envelope.encrypt(Buffer.from(JSON.stringify(mail)), placeOf(id));
    await jobs.enqueue(ctx, taskName, { id, sealed: sealed.toString('base64url') });
  }

  return {
    post,
    async offer(ctx, mail) {
      const counting = { now: new Date(clock.now()), since: forgottenAt(), lettersMax: offeredMax };
      const hasRoom = await countLetter(ctx.tx, hashOf(mail.to), counting);
      if (hasRoom) await post(ctx, mail);
      return hasRoom;
    },
    sweep: ({ tx }) => deleteCountsBefore(tx, forgottenAt()),
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

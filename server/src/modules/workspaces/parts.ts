import type { TxCtx } from '../../context.ts';
import type { Clock } from '../../platform/clock/index.ts';
import type { Events } from '../../platform/events/index.ts';
import type { Ids } from '../../platform/ids/index.ts';
import type { MailQueue } from '../../platform/mail/index.ts';
import type { Audit } from '../audit/index.ts';
import type { WorkspaceLimits } from './quota.ts';

/** What this module stands on. */
export interface WorkspaceParts {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: Audit;
  readonly events: Events<TxCtx>;
  readonly mails: Pick<MailQueue, 'offer'>;
  /** Where the links in letters lead. */
  readonly appUrl: string;
  readonly limits: WorkspaceLimits;
}

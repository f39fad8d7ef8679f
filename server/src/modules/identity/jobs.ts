import type { Ctx } from '../../context.ts';
import type { Job } from '../../platform/jobs/index.ts';
import type { Identity } from './index.ts';

export function identityJobs(identity: Identity, createCtx: (signal: AbortSignal) => Ctx): Job[] {
  return [
    {
      name: 'identity.sweep',
      cron: '17 * * * *',
      run: async (signal) => {
        const ctx = createCtx(signal);
        const removed = await identity.sweep(ctx);
        if (removed > 0) ctx.log.info({ removed }, 'removed expired pairings, tokens and sessions');
      },
    },
    {
      name: 'identity.expire-guests',
      cron: '*/10 * * * *',
      run: async (signal) => {
        const ctx = createCtx(signal);
        const removed = await identity.guests.expire(ctx);
        if (removed > 0) ctx.log.info({ removed }, 'removed guests whose time was over');
      },
    },
    identity.deletion.removals.job,
    {
      name: 'identity.rotate-signing-keys',
      cron: '41 3 * * *',
      run: (signal) => identity.rotateSigningKeys(createCtx(signal)),
    },
  ];
}

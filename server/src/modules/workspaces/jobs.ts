import type { Ctx } from '../../context.ts';
import type { Job } from '../../platform/jobs/index.ts';
import type { Workspaces } from './index.ts';

export function workspaceJobs({ invitations }: Workspaces, createCtx: (signal: AbortSignal) => Ctx): Job[] {
  return [
    {
      name: 'workspaces.sweep-invitations',
      cron: '23 * * * *',
      run: async (signal) => {
        const ctx = createCtx(signal);
        const removed = await invitations.sweep(ctx);
        if (removed > 0) ctx.log.info({ removed }, 'removed expired invitations');
      },
    },
  ];
}

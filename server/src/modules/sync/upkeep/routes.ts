import {
  VaultBackup,
  VaultBackupRequest,
  VaultBranchRequest,
  VaultList,
  VaultListQuery,
  VaultProgress,
  VaultRestored,
  VaultRestoreRequest,
} from '@alcove/contract/vaults';
import { type Route, route } from '../../../http/route.ts';
import type { Upkeep } from './upkeep.ts';

const path = '/api/v1/admin/vaults';
const common = { tag: 'admin', caller: 'operator' } as const;
const reading = { ...common, method: 'GET', rate: 'read', idempotency: 'none' } as const;
const acting = { ...common, method: 'POST', rate: 'write', idempotency: 'after' } as const;

export function upkeepRoutes(upkeep: Upkeep): Route[] {
  return [
    route(
      {
        ...reading,
        path,
        summary: 'List vaults',
        description: 'By their random names. `account` finds the one of an account.',
        query: VaultListQuery,
        success: { status: 200, body: VaultList, description: 'A page of vaults.' },
      },
      (ctx, { query }) => upkeep.list(ctx, query),
    ),
    route(
      {
        ...reading,
        path: `${path}/progress`,
        summary: 'How far the vaults have come to the newest schema',
        success: { status: 200, body: VaultProgress, description: 'Counts of vaults.' },
      },
      (ctx) => upkeep.progress(ctx),
    ),
    route(
      {
        ...acting,
        path: `${path}/migrate`,
        summary: 'Bring every vault to the newest schema now',
        description: 'It goes on in the background; those that were in trouble are tried again as well.',
        success: { status: 202, body: VaultProgress, description: 'Where it begins.' },
      },
      (ctx) => upkeep.migrate(ctx),
    ),
    route(
      {
        ...acting,
        path: `${path}/backup`,
        summary: 'Copy a vault into a folder of the server',
        description:
          'The vault stays in use. The copy is whole, checked and on the disk before it takes the place of an older one.',
        body: VaultBackupRequest,
        success: { status: 200, body: VaultBackup, description: 'Where the copy is.' },
      },
      (ctx, { body }) => upkeep.backUp(ctx, body),
    ),
    route(
      {
        ...acting,
        path: `${path}/restore`,
        summary: 'Put a copy in the place of a vault',
        description:
          'What is there now is lost. The devices of the account pull everything again, and send what the copy lacks.',
        body: VaultRestoreRequest,
        success: { status: 200, body: VaultRestored, description: 'The vault that holds the copy now.' },
      },
      (ctx, { body }) => upkeep.restore(ctx, body),
    ),
    route(
      {
        ...acting,
        path: `${path}/branch`,
        summary: 'Begin another history of a vault whose file was put back by hand',
        description:
          'Nothing in it is lost. The devices of the account pull everything again, and send what it lacks, whoever wrote it.',
        body: VaultBranchRequest,
        success: { status: 200, body: VaultRestored, description: 'The vault.' },
      },
      (ctx, { body }) => upkeep.branch(ctx, body),
    ),
  ];
}

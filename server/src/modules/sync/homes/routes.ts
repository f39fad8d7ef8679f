import { VaultMove, VaultMoved, VaultsAway, VaultsAwayQuery } from '@alcove/contract/vaults';
import { type Route, route } from '../../../http/route.ts';
import type { Moves } from './moves.ts';

const path = '/api/v1/admin/vaults';
const common = { tag: 'admin', caller: 'operator' } as const;
const pageLength = 100;

export function moveRoutes(moves: Moves): Route[] {
  return [
    route(
      {
        ...common,
        method: 'GET',
        path: `${path}/away`,
        summary: 'List the vaults that are not at a home',
        description: 'By their random names. Those whose move was cut off are among them.',
        rate: 'read',
        idempotency: 'none',
        query: VaultsAwayQuery,
        success: { status: 200, body: VaultsAway, description: 'A page of names.' },
      },
      async (ctx, { query: { home, cursor } }) => {
        const vaults = await moves.listAway(ctx, home, { after: cursor ?? '', limit: pageLength });
        return { vaults, nextCursor: vaults.length < pageLength ? null : (vaults.at(-1) ?? null) };
      },
    ),
    route(
      {
        ...common,
        method: 'POST',
        path: `${path}/move`,
        summary: 'Move a vault to another home',
        description:
          'Answers when every row of the copy was proven to be the same and the copy has become the vault. Until then its ' +
          'devices are asked to come again. Repeating it ends what was cut off.',
        rate: 'write',
        idempotency: 'after',
        body: VaultMove,
        success: { status: 200, body: VaultMoved, description: 'What was proven to be the same.' },
      },
      async (ctx, { body: { vault, home } }) => {
        const digest = await moves.move(ctx, vault, home);
        return { vault, home, rows: digest?.rows ?? null, sha256: digest?.sha256 ?? null };
      },
    ),
  ];
}

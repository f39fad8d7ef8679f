import { VaultMove, VaultMoved } from '@alcove/contract/vaults';
import { type Route, route } from '../../../http/route.ts';
import type { Moves } from './moves.ts';

export function moveRoutes(moves: Moves): Route[] {
  return [
    route(
      {
        method: 'POST',
        path: '/api/v1/admin/vaults/move',
        tag: 'admin',
        caller: 'operator',
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

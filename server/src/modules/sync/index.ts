export { vaultBelongings } from './belongings.ts';
export { vaultFiles } from './export.ts';
export { createHomes, type Homes } from './homes/homes.ts';
export { createMoves, type Moves, vaultCopies } from './homes/moves.ts';
export { moveRoutes } from './homes/routes.ts';
export { keyRoutes } from './key-routes.ts';
export { createLive } from './live/live.ts';
export { createLiveNews, type LiveNews } from './live/news.ts';
export { liveRoutes } from './live/routes.ts';
export { createTickets } from './live/tickets.ts';
export { syncRoutes } from './routes.ts';
export { createSync, type SyncParts, type SyncService } from './service.ts';
export { upkeepRoutes } from './upkeep/routes.ts';
export { createUpkeep, type Upkeep } from './upkeep/upkeep.ts';
export type { SyncOperations } from './vault/program.ts';

/** What the workers of the vaults run. */
export const syncProgram: URL = new URL('./vault/program.ts', import.meta.url);

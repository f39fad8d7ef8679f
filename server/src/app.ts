/** The composition root: from settings to a running service. Reads from top to bottom as the map of the system. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { actorName, asSystem, systemCtx, type TxCtx } from './context.ts';
import {
  createHttp,
  createIdempotency,
  createRequestLimiter,
  createSignatures,
  healthRoutes,
  idempotencySealedColumn,
} from './http/index.ts';
import { auditRoutes, createAudit } from './modules/audit/index.ts';
import {
  createIdentity,
  identityJobs,
  identityRoutes,
  identitySealedColumns,
} from './modules/identity/index.ts';
import {
  createHomes,
  createLive,
  createLiveNews,
  createMoves,
  createSync,
  createTickets,
  createUpkeep,
  keyRoutes,
  liveRoutes,
  moveRoutes,
  type SyncOperations,
  syncProgram,
  syncRoutes,
  upkeepRoutes,
  vaultBelongings,
  vaultCopies,
  vaultFiles,
} from './modules/sync/index.ts';
import { createWorkspaces, workspaceJobs, workspaceRoutes } from './modules/workspaces/index.ts';
import { createLocalBlobs } from './platform/blobs/index.ts';
import type { Clock } from './platform/clock/index.ts';
import type { Settings } from './platform/config/index.ts';
import {
  createAwsKms,
  createEnvelope,
  createToken,
  loadMasterKeys,
  type MasterKeySource,
  readOrCreateSecretFile,
} from './platform/crypto/index.ts';
import {
  createDatabase,
  createMigrator,
  proveTenancy,
  type SealedColumn,
} from './platform/database/index.ts';
import { createEvents } from './platform/events/index.ts';
import { createFanout } from './platform/fanout/index.ts';
import { createIds } from './platform/ids/index.ts';
import { createJobs, taskSealedColumn } from './platform/jobs/index.ts';
import { lockDataFolder, prepareDataFolder, refuseLostControl } from './platform/lock/index.ts';
import { createFolderMailer, createMailQueue, createSmtpMailer } from './platform/mail/index.ts';
import type { Redis } from './platform/redis/index.ts';
import { createMetrics, type Logger } from './platform/telemetry/index.ts';
import { createVaultPool, type RemoteVaultsOptions } from './platform/vaults/index.ts';
import { version } from './version.ts';

export interface App extends AsyncDisposable {
  /** Starts to listen; answers the address. */
  listen(): Promise<string>;
  /** Turns readiness off, where a balancer still can see it, and lets requests in flight finish: in all, `withinMs` at most. */
  drain(withinMs: number): Promise<void>;
  /** Does a job that otherwise runs by the clock. */
  runJob(name: string): Promise<void>;
  readonly isFirstStart: boolean;
}

export const controlMigrations = new URL('../migrations/control/', import.meta.url);
const vaultMigrations = new URL('../migrations/vault/', import.meta.url);
const vaultIdleCloseMs = 60_000;
/** So long a service that is told to stop goes on taking connections, and says on them that it is not ready. */
const drainingSeenMs = 300;
const flushSeenEveryMs = 60_000;
/** Writing the control database's files anew takes a moment in which everything waits. */
const scrubWaitMs = 4 * 60_000;

/** Where ciphertexts stand in the control database. */
export const sealedColumns: readonly SealedColumn[] = [
  ...identitySealedColumns,
  idempotencySealedColumn,
  taskSealedColumn,
];

/** Where this service keeps its master keys, and what wraps them. */
export function masterKeySource({ masterKey, dataDir, kms }: Settings): MasterKeySource {
  return { setting: masterKey, dataDir, wrapper: kms === undefined ? undefined : createAwsKms(kms) };
}

export async function createApp(
  settings: Settings,
  parts: { readonly clock: Clock; readonly log: Logger },
): Promise<App> {
  const { clock, log } = parts;
  const { dataDir } = settings;
  const startedAt = clock.now();
  const ids = createIds(clock);
  const metrics = createMetrics();
  // What was opened last is closed first, also when a later part cannot be opened.
  await using opened = new AsyncDisposableStack();

  prepareDataFolder(dataDir);
  const lock = opened.use(lockDataFolder(dataDir, clock));
  if (settings.database.kind === 'embedded') refuseLostControl(dataDir);
  const createCtx = (signal: AbortSignal) => systemCtx({ log, database, signal, id: ids.uuid() });
  const stopping = new AbortController();
  const redis = opened.use(await connectToRedis(settings, log));
  const databaseUrl = settings.database.kind === 'postgres' ? settings.database.url.reveal() : undefined;
  const fanout = opened.use(createFanout({ redis, databaseUrl, log }));
  const homes = createHomes({ fanout, createCtx: () => createCtx(stopping.signal) });
  // The database takes a core for itself while it opens: the threads of the vaults start on the others.
  const vaultsStarting = createVaultPool<SyncOperations>({
    directory: join(dataDir, 'vaults'),
    program: syncProgram,
    migrations: vaultMigrations,
    workers: settings.vaults.workers,
    openMax: settings.vaults.openMax,
    idleCloseMs: vaultIdleCloseMs,
    remote: remoteVaultsOf(settings.vaults),
    homeOf: homes.homeOf,
    log,
  });
  opened.use(closing(vaultsStarting));
  const database = opened.use(
    await createDatabase({
      url: settings.database.kind === 'postgres' ? settings.database.url.reveal() : undefined,
      directory: join(dataDir, 'control'),
      onError: (err) => log.warn({ err }, 'a connection to PostgreSQL broke'),
    }),
  );
  const migrator = await createMigrator(database, controlMigrations);
  const isFirstStart = (await migrator.status()).every(({ appliedAt }) => appliedAt === undefined);
  // Before anything is written: a database that has rows under another key must not be given a new one.
  const masterKeys = await loadMasterKeys(masterKeySource(settings), !isFirstStart);
  const envelope = createEnvelope(masterKeys);
  const operatorToken =
    settings.operator.token ?? readOrCreateSecretFile(join(dataDir, 'operator.token'), createToken).secret;
  const { migrations } = await migrator.up();
  if (migrations.length > 0)
    log.info({ migrations: migrations.map(({ name }) => name) }, 'migrated the control database');
  await proveTenancy(database);

  const vaults = await vaultsStarting;
  metrics.gauge('alcove_vaults_open', 'Vaults whose files are open.', () => vaults.stats().open);
  metrics.gauge(
    'alcove_vault_replicas',
    'Remote vaults of which a replica is open.',
    () => vaults.stats().replicas,
  );
  metrics.gauge(
    'alcove_remote_vaults_failures',
    'Calls that the machine with the remote vaults has failed since it last served one.',
    () => vaults.stats().remoteFailures,
  );
  const blobs = await createLocalBlobs(join(dataDir, 'blobs'));

  const jobs = opened.use(await createJobs({ database, log }));
  const mailer =
    settings.mail === undefined
      ? createFolderMailer({ directory: join(dataDir, 'mails'), clock, log })
      : createSmtpMailer(settings.mail);
  const mails = createMailQueue({ clock, envelope, masterKeys, ids, mailer, jobs });
  const audit = createAudit({ clock, ids });
  const events = createEvents<TxCtx>({ clock, ids, actorOf: ({ actor }) => actorName(actor) });
  const liveNews = createLiveNews(fanout);
  const identity = createIdentity({
    publicUrl: settings.http.publicUrl,
    clock,
    ids,
    audit,
    events,
    envelope,
    masterKeys,
    fanout,
    mails,
    jobs,
    appUrl: settings.appUrl,
    oauth: settings.oauth,
    createCtx,
    vaultFiles: vaultFiles(vaults, clock),
    belongings: [
      vaultBelongings(vaults),
      ...vaultCopies(vaults),
      {
        kind: 'trace',
        waitMs: scrubWaitMs,
        surrender: async () => ['control'],
        remove: () => database.scrub(),
      },
    ],
    epochGraceMs: settings.epochGraceMs,
    guestLimits: settings.guests,
    // No module brings assistants yet, so none is known.
    findAssistant: async () => undefined,
    announceDevices: liveNews.tellDevices,
  });
  await identity.rotateSigningKeys(createCtx(stopping.signal));
  const workspaces = createWorkspaces({
    clock,
    ids,
    audit,
    events,
    mails,
    appUrl: settings.appUrl,
    limits: settings.workspaces,
  });
  const home = settings.vaults.host === undefined ? 'local' : 'remote';
  const sync = createSync({
    vaults,
    home,
    clock,
    devices: identity.devices,
    epochs: identity.epochs,
    trail: identity.trail,
    onWritten: liveNews.tellVault,
    limits: {
      vault: { items: settings.vaults.itemsMax, bytes: settings.vaults.bytesMax },
      callsMax: settings.vaults.callsMax,
    },
  });
  const moves = createMoves({
    vaults,
    hasRemote: settings.vaults.host !== undefined,
    homes,
    removals: identity.deletion.removals,
    clock,
    ids,
  });
  const live = opened.use(createLive({ news: liveNews, readHead: sync.head, log }));
  const tickets = createTickets({ clock, requireLive: identity.sessions.requireLive });
  const upkeep = createUpkeep({
    vaults,
    devices: identity.devices,
    home,
    clock,
    createCtx,
    stopping: stopping.signal,
    async onRestored(tx, accountId) {
      tx.afterCommit(() => liveNews.tellVault(accountId));
      const target = { type: 'account', id: accountId };
      await identity.trail.record(tx, accountId, { action: 'vault.restored', target });
    },
  });
  opened.defer(() => upkeep.settled());

  const idempotency = createIdempotency({ clock, ids, envelope });
  const signatures = createSignatures({ publicUrl: settings.http.publicUrl, clock });
  await jobs.start({
    jobs: [
      ...identityJobs(identity, createCtx),
      ...workspaceJobs(workspaces, createCtx),
      tickets.sweep(createCtx),
      ...upkeep.jobs,
      {
        name: 'sync.resume-moves',
        cron: '* * * * *',
        run: (signal) => moves.resume(createCtx(signal)),
      },
      {
        name: 'http.sweep-idempotency-keys',
        cron: '37 * * * *',
        run: (signal) => idempotency.sweep(createCtx(signal)),
      },
      {
        name: 'mail.sweep-counts',
        cron: '41 * * * *',
        run: (signal) => asSystem(createCtx(signal), (tx) => mails.sweep(tx)),
      },
      {
        name: 'http.sweep-nonces',
        cron: '*/10 * * * *',
        run: (signal) => signatures.sweep(createCtx(signal)),
      },
    ],
    tasks: [mails.task, ...identity.tasks],
  });
  await identity.deletion.removals.wake(createCtx(stopping.signal));
  const flushSeen = () =>
    identity
      .flushSeen(createCtx(stopping.signal))
      .catch((err: unknown) => log.warn({ err }, 'could not write down when callers were last seen'));
  const flushTimer = setInterval(flushSeen, flushSeenEveryMs);
  opened.defer(flushSeen);
  opened.defer(() => clearInterval(flushTimer));

  let notReady: readonly string[] = ['starting'];
  const http = await createHttp({
    version,
    ...settings.http,
    routes: [
      ...healthRoutes({
        version,
        publicUrl: settings.http.publicUrl,
        uptimeSeconds: () => Math.floor((clock.now() - startedAt) / 1000),
        notReadyReasons: () => notReady,
        probes: {
          controlDatabase: () => database.asOwner(async () => undefined),
          vaults: () => upkeep.probe(createCtx(stopping.signal)),
          blobs: () => blobs.probe(),
          jobs: () => jobs.probe(),
        },
      }),
      ...auditRoutes(audit),
      ...identityRoutes(identity),
      ...workspaceRoutes(workspaces),
      ...syncRoutes(sync),
      ...keyRoutes(identity),
      ...liveRoutes({ live, tickets, sync }),
      ...upkeepRoutes(upkeep),
      ...moveRoutes(moves),
    ],
    authentication: {
      authenticate: (token) => identity.authenticate(createCtx(stopping.signal), token),
      redeemTicket: (ticket) => tickets.redeem(createCtx(stopping.signal), ticket),
      findRole: (actor, workspaceId) =>
        workspaces.workspaces.findRole(createCtx(stopping.signal), actor, workspaceId),
      operatorToken,
      trustLoopbackOperator: settings.operator.loopbackAllowed,
    },
    idempotency,
    limiter: createRequestLimiter({ rates: settings.rates, redis, clock, log }),
    signatures,
    streams: settings.live,
    streamSessions: { ...identity.sessions, onGap: fanout.onGap },
    clock,
    database,
    ids,
    log,
    metrics,
  });
  opened.defer(() => http.drain(0));

  const resources = opened.move();
  return {
    isFirstStart,
    runJob: (name) => jobs.runNow(name),
    async listen() {
      const address = await http.listen(settings.http.host, settings.http.port);
      notReady = [];
      lock.announce(address);
      upkeep.wake();
      return address;
    },
    async drain(withinMs) {
      notReady = ['draining'];
      const seenMs = Math.min(drainingSeenMs, withinMs);
      await sleep(seenMs);
      await http.drain(withinMs - seenMs);
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await resources.disposeAsync();
    },
  };
}

/** Closes what is still starting once it has started. Whoever awaits it hears why it did not. */
function closing(starting: Promise<AsyncDisposable>): AsyncDisposable {
  const started = starting.catch(() => undefined);
  return { [Symbol.asyncDispose]: async () => (await started)?.[Symbol.asyncDispose]() };
}

/** Its client is loaded only where there is one to connect to. */
async function connectToRedis({ redisUrl }: Settings, log: Logger): Promise<Redis | undefined> {
  if (redisUrl === undefined) return undefined;
  const { createRedis } = await import('./platform/redis/index.ts');
  return createRedis(redisUrl, (err) => log.warn({ err }, 'a connection to Redis broke'));
}

/** The threads of the vaults get it as plain values: a `Secret` does not change threads. */
function remoteVaultsOf({ host, ...limits }: Settings['vaults']): RemoteVaultsOptions | undefined {
  if (host === undefined) return undefined;
  if (host.kind === 'turso') return { ...limits, host: { ...host, apiToken: host.apiToken.reveal() } };
  const [authToken, adminKey] = [host.authToken?.reveal(), host.adminKey?.reveal()];
  return { ...limits, host: { ...host, authToken, adminKey } };
}

/** Every SQL statement of this module. Absence is `undefined`; what an absence means is the services' business. */
import type { DeviceInput, LogEntry } from '@alcove/contract/identity';
import { sql } from 'kysely';
import type { Role, TxCtx } from '../../context.ts';

export interface AccountRow {
  readonly id: string;
  readonly kind: 'anonymous' | 'password' | 'oauth' | 'guest';
  readonly email: string | null;
  readonly email_verified_at: Date | null;
  readonly display_name: string | null;
  readonly created_at: Date;
  readonly expires_at: Date | null;
}

export interface DeviceRow {
  readonly id: string;
  readonly account_id: string;
  readonly kind: 'device' | 'recovery';
  readonly name: string;
  readonly platform: DeviceInput['platform'];
  readonly encryption_key: DeviceInput['encryptionKey'];
  readonly signing_key: DeviceInput['signingKey'];
  readonly fingerprint: string;
  readonly endorsed_by: string | null;
  readonly created_at: Date;
  readonly last_seen_at: Date | null;
  readonly revoked_at: Date | null;
}

export interface WorkspaceRow {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
}

export interface SessionRow {
  readonly id: string;
  readonly account_id: string;
  readonly device_id: string | null;
  readonly workspace_id: string;
  /** The recovery key that opened it. */
  readonly recovery_id: string | null;
  readonly user_agent: string | null;
  readonly created_at: Date;
  readonly last_seen_at: Date | null;
}

export interface RefreshRow {
  readonly hash: Buffer;
  readonly session_id: string;
  readonly account_id: string;
  readonly expires_at: Date;
  readonly used_at: Date | null;
}

export interface PairingRow {
  readonly id: string;
  readonly account_id: string | null;
  readonly device_id: string;
  readonly device: DeviceInput;
  readonly fingerprint: string;
  readonly challenge: string;
  readonly endorsement: LogEntry | null;
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly claimed_at: Date | null;
}

export interface EpochRow {
  readonly epoch: number;
  readonly minted_by: string;
  readonly created_at: Date;
}

// Accounts and workspaces

export async function findAccount(ctx: TxCtx, id: string): Promise<AccountRow | undefined> {
  return one(await sql<AccountRow>`select * from account where id = ${id}`.execute(ctx.tx));
}

/** Makes everything that changes an account's devices and keys take turns. */
export async function lockAccount(ctx: TxCtx, id: string): Promise<void> {
  await sql`select id from account where id = ${id} for update`.execute(ctx.tx);
}

export async function insertPersonalWorkspace(
  ctx: TxCtx,
  row: { id: string; name: string; accountId: string; createdAt: Date },
): Promise<void> {
  await sql`insert into workspace (id, name, created_at) values (${row.id}, ${row.name}, ${row.createdAt})`.execute(
    ctx.tx,
  );
  await sql`insert into member (workspace_id, account_id, role, personal, created_at)
    values (${row.id}, ${row.accountId}, 'owner', true, ${row.createdAt})`.execute(ctx.tx);
}

export async function listWorkspaces(ctx: TxCtx, accountId: string): Promise<WorkspaceRow[]> {
  const { rows } = await sql<WorkspaceRow>`
    select w.id, w.name, m.role from member m join workspace w on w.id = m.workspace_id
    where m.account_id = ${accountId} order by m.personal desc, w.id`.execute(ctx.tx);
  return rows;
}

// Devices

export type NewDeviceRow = Omit<DeviceRow, 'kind' | 'last_seen_at' | 'revoked_at'>;

export async function insertDevice(ctx: TxCtx, row: NewDeviceRow): Promise<DeviceRow> {
  const { rows } = await sql<DeviceRow>`insert into device
    (id, account_id, name, platform, encryption_key, signing_key, fingerprint, endorsed_by, created_at)
    values (${row.id}, ${row.account_id}, ${row.name}, ${row.platform}, ${json(row.encryption_key)},
      ${json(row.signing_key)}, ${row.fingerprint}, ${row.endorsed_by}, ${row.created_at})
    returning *`.execute(ctx.tx);
  return first(rows);
}

export async function findDevice(ctx: TxCtx, accountId: string, id: string): Promise<DeviceRow | undefined> {
  return one(
    await sql<DeviceRow>`select * from device
      where id = ${id} and account_id = ${accountId} and kind = 'device' and revoked_at is null`.execute(
      ctx.tx,
    ),
  );
}

/** Before it is known whose it is: in the owner's transaction. */
export async function findDeviceOfAnybody(
  ctx: TxCtx,
  id: string,
  kind: DeviceRow['kind'],
): Promise<DeviceRow | undefined> {
  return one(
    await sql<DeviceRow>`select * from device where id = ${id} and kind = ${kind} and revoked_at is null`.execute(
      ctx.tx,
    ),
  );
}

/** Also a recovery key, and one that was taken out of use: the log may still have to say so. */
export async function findMemberEvenRevoked(
  ctx: TxCtx,
  accountId: string,
  id: string,
): Promise<DeviceRow | undefined> {
  return one(
    await sql<DeviceRow>`select * from device where id = ${id} and account_id = ${accountId}`.execute(ctx.tx),
  );
}

export async function listMembersEvenRevoked(ctx: TxCtx, accountId: string): Promise<DeviceRow[]> {
  const { rows } =
    await sql<DeviceRow>`select * from device where account_id = ${accountId} order by created_at, id`.execute(
      ctx.tx,
    );
  return rows;
}

/** The devices in use and the recovery key. */
export async function listMemberIds(ctx: TxCtx, accountId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select id from device
    where account_id = ${accountId} and revoked_at is null`.execute(ctx.tx);
  return rows.map(({ id }) => id);
}

export async function listDevices(
  ctx: TxCtx,
  accountId: string,
  page: { after?: string | undefined; limit?: number } = {},
): Promise<DeviceRow[]> {
  const { rows } = await sql<DeviceRow>`select * from device
    where account_id = ${accountId} and kind = 'device' and revoked_at is null
      and (${page.after ?? null}::uuid is null or id > ${page.after ?? null}::uuid)
    order by id limit ${page.limit ?? null}`.execute(ctx.tx);
  return rows;
}

/** A device that was never seen counts from when it was made. */
export async function listDevicesHeardSince(ctx: TxCtx, accountId: string, since: Date): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select id from device
    where account_id = ${accountId} and kind = 'device' and revoked_at is null
      and coalesce(last_seen_at, created_at) > ${since}
    order by id`.execute(ctx.tx);
  return rows.map(({ id }) => id);
}

/** The devices in use that have a session, or had one not long ago. */
export async function listClaimedDeviceIds(ctx: TxCtx, accountId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select id from device d
    where account_id = ${accountId} and revoked_at is null
      and exists (select from session s where s.device_id = d.id)`.execute(ctx.tx);
  return rows.map(({ id }) => id);
}

export async function renameDevice(
  ctx: TxCtx,
  accountId: string,
  id: string,
  name: string,
): Promise<DeviceRow | undefined> {
  return one(
    await sql<DeviceRow>`update device set name = ${name}
      where id = ${id} and account_id = ${accountId} and kind = 'device' and revoked_at is null
      returning *`.execute(ctx.tx),
  );
}

export async function endorseDevice(ctx: TxCtx, id: string, by: string): Promise<void> {
  await sql`update device set endorsed_by = ${by} where id = ${id}`.execute(ctx.tx);
}

/** Takes the device, or the recovery key, out of use, with its key shares. Says whether there was one. */
export async function revokeMember(
  ctx: TxCtx,
  accountId: string,
  { id, kind }: Pick<DeviceRow, 'id' | 'kind'>,
  at: Date,
): Promise<boolean> {
  const { rows } = await sql`update device set revoked_at = ${at}
    where id = ${id} and account_id = ${accountId} and kind = ${kind} and revoked_at is null
    returning id`.execute(ctx.tx);
  if (rows.length === 0) return false;
  await sql`delete from key_share where device_id = ${id}`.execute(ctx.tx);
  return true;
}

// Sessions and refresh tokens

export async function insertSession(ctx: TxCtx, row: Omit<SessionRow, 'last_seen_at'>): Promise<void> {
  await sql`insert into session (id, account_id, device_id, workspace_id, recovery_id, user_agent, created_at)
    values (${row.id}, ${row.account_id}, ${row.device_id}, ${row.workspace_id}, ${row.recovery_id},
      ${row.user_agent}, ${row.created_at})`.execute(ctx.tx);
}

/** A session that stands: not ended, and its device, if it has one, not revoked. */
export async function findLiveSession(ctx: TxCtx, id: string): Promise<SessionRow | undefined> {
  return one(
    await sql<SessionRow>`select s.* from session s left join device d on d.id = s.device_id
      where s.id = ${id} and s.ended_at is null and d.revoked_at is null`.execute(ctx.tx),
  );
}

/** Those of the sessions that stand. */
export async function listStanding(ctx: TxCtx, ids: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{
    id: string;
  }>`select s.id from session s left join device d on d.id = s.device_id
    where s.id = any(${[...ids]}::uuid[]) and s.ended_at is null and d.revoked_at is null`.execute(ctx.tx);
  return rows.map(({ id }) => id);
}

export interface WhichSessions {
  readonly sessionId?: string;
  readonly deviceId?: string;
  readonly exceptSessionId?: string;
  /** Those that this recovery key opened for devices that nobody has vouched for since. */
  readonly recoveryId?: string;
}

/** Ends the account's sessions that match, and answers their ids. */
export async function endSessions(
  ctx: TxCtx,
  accountId: string,
  which: WhichSessions,
  at: Date,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`update session set ended_at = ${at}
    where account_id = ${accountId} and ended_at is null
      and (${which.sessionId ?? null}::uuid is null or id = ${which.sessionId ?? null}::uuid)
      and (${which.deviceId ?? null}::uuid is null or device_id = ${which.deviceId ?? null}::uuid)
      and (${which.exceptSessionId ?? null}::uuid is null or id <> ${which.exceptSessionId ?? null}::uuid)
      and (${which.recoveryId ?? null}::uuid is null or recovery_id = ${which.recoveryId ?? null}::uuid
        and device_id in (select id from device where account_id = ${accountId} and endorsed_by is null))
    returning id`.execute(ctx.tx);
  return rows.map(({ id }) => id);
}

export async function recordSeen(ctx: TxCtx, sessionIds: readonly string[], at: Date): Promise<void> {
  await sql`update session set last_seen_at = ${at} where id = any(${[...sessionIds]}::uuid[])`.execute(
    ctx.tx,
  );
  await sql`update device set last_seen_at = ${at}
    where id in (select device_id from session where id = any(${[...sessionIds]}::uuid[]))`.execute(ctx.tx);
}

export async function insertRefreshToken(
  ctx: TxCtx,
  row: Omit<RefreshRow, 'used_at'> & { readonly parent_hash: Buffer | null; readonly created_at: Date },
): Promise<void> {
  await sql`insert into refresh_token (hash, account_id, session_id, parent_hash, created_at, expires_at)
    values (${row.hash}, ${row.account_id}, ${row.session_id}, ${row.parent_hash}, ${row.created_at}, ${row.expires_at})`.execute(
    ctx.tx,
  );
}

/** Locks the row, so that of two calls with one token the second sees what the first did. */
export async function findRefreshToken(ctx: TxCtx, hash: Buffer): Promise<RefreshRow | undefined> {
  return one(
    await sql<RefreshRow>`select hash, session_id, account_id, expires_at, used_at from refresh_token
      where hash = ${hash} for update`.execute(ctx.tx),
  );
}

export async function findSuccessor(ctx: TxCtx, parentHash: Buffer): Promise<RefreshRow | undefined> {
  return one(
    await sql<RefreshRow>`select hash, session_id, account_id, expires_at, used_at from refresh_token
      where parent_hash = ${parentHash}`.execute(ctx.tx),
  );
}

export async function deleteRefreshToken(ctx: TxCtx, hash: Buffer): Promise<void> {
  await sql`delete from refresh_token where hash = ${hash}`.execute(ctx.tx);
}

export async function markRefreshTokenUsed(ctx: TxCtx, hash: Buffer, at: Date): Promise<void> {
  await sql`update refresh_token set used_at = ${at} where hash = ${hash}`.execute(ctx.tx);
}

// Pairing

export async function insertPairing(
  ctx: TxCtx,
  row: Omit<PairingRow, 'account_id' | 'endorsement' | 'claimed_at'>,
): Promise<void> {
  await sql`insert into pairing (id, device_id, device, fingerprint, challenge, created_at, expires_at)
    values (${row.id}, ${row.device_id}, ${json(row.device)}, ${row.fingerprint}, ${row.challenge},
      ${row.created_at}, ${row.expires_at})`.execute(ctx.tx);
}

export async function findPairing(ctx: TxCtx, id: string): Promise<PairingRow | undefined> {
  return one(await sql<PairingRow>`select * from pairing where id = ${id} for update`.execute(ctx.tx));
}

export async function approvePairing(
  ctx: TxCtx,
  id: string,
  approval: { accountId: string; endorsement: LogEntry; expiresAt: Date },
): Promise<void> {
  await sql`update pairing set account_id = ${approval.accountId}, endorsement = ${json(approval.endorsement)},
    expires_at = ${approval.expiresAt} where id = ${id}`.execute(ctx.tx);
}

export async function markPairingClaimed(ctx: TxCtx, id: string, at: Date): Promise<void> {
  await sql`update pairing set claimed_at = ${at} where id = ${id}`.execute(ctx.tx);
}

// Device log, epochs, key shares

export async function readDeviceLog(
  ctx: TxCtx,
  accountId: string,
): Promise<{ hash: string; entry: LogEntry }[]> {
  const { rows } = await sql<{ hash: string; entry: LogEntry }>`select hash, entry from device_log
    where account_id = ${accountId} order by position`.execute(ctx.tx);
  return rows;
}

export async function appendDeviceLog(
  ctx: TxCtx,
  accountId: string,
  row: { position: number; hash: string; entry: LogEntry },
): Promise<void> {
  await sql`insert into device_log (account_id, position, hash, entry)
    values (${accountId}, ${row.position}, ${row.hash}, ${json(row.entry)})`.execute(ctx.tx);
}

export async function listEpochs(ctx: TxCtx, accountId: string): Promise<EpochRow[]> {
  const { rows } = await sql<EpochRow>`select epoch, minted_by, created_at from key_epoch
    where account_id = ${accountId} order by epoch`.execute(ctx.tx);
  return rows;
}

export async function insertEpoch(
  ctx: TxCtx,
  accountId: string,
  row: EpochRow & { readonly recovery: string | null },
): Promise<void> {
  await sql`insert into key_epoch (account_id, epoch, minted_by, recovery, created_at)
    values (${accountId}, ${row.epoch}, ${row.minted_by}, ${row.recovery}, ${row.created_at})`.execute(
    ctx.tx,
  );
}

export async function insertKeyShare(
  ctx: TxCtx,
  accountId: string,
  row: { epoch: number; deviceId: string; wrapped: string },
): Promise<void> {
  await sql`insert into key_share (account_id, epoch, device_id, wrapped)
    values (${accountId}, ${row.epoch}, ${row.deviceId}, ${row.wrapped})`.execute(ctx.tx);
}

export async function listKeyShares(
  ctx: TxCtx,
  accountId: string,
  deviceId: string,
): Promise<{ epoch: number; wrapped: string }[]> {
  const { rows } = await sql<{ epoch: number; wrapped: string }>`select epoch, wrapped from key_share
    where account_id = ${accountId} and device_id = ${deviceId} order by epoch`.execute(ctx.tx);
  return rows;
}

export async function listSharesOfEpoch(
  ctx: TxCtx,
  accountId: string,
  epoch: number,
): Promise<{ deviceId: string; wrapped: string }[]> {
  const { rows } = await sql<{
    deviceId: string;
    wrapped: string;
  }>`select device_id as "deviceId", wrapped from key_share
    where account_id = ${accountId} and epoch = ${epoch} order by device_id`.execute(ctx.tx);
  return rows;
}

// Signing keys of the service

export interface SigningKeyRow {
  readonly id: string;
  readonly public_key: Record<string, unknown>;
  readonly private_key_sealed: Buffer;
  readonly created_at: Date;
  readonly retired_at: Date | null;
}

/** Makes nodes that start together take turns, so that one of them makes the first key. */
export async function lockSigningKeys(ctx: TxCtx): Promise<void> {
  await sql`lock table signing_key in share row exclusive mode`.execute(ctx.tx);
}

export async function listSigningKeys(ctx: TxCtx): Promise<SigningKeyRow[]> {
  const { rows } = await sql<SigningKeyRow>`select * from signing_key order by created_at desc, id`.execute(
    ctx.tx,
  );
  return rows;
}

export async function insertSigningKey(ctx: TxCtx, row: Omit<SigningKeyRow, 'retired_at'>): Promise<void> {
  await sql`insert into signing_key (id, public_key, private_key_sealed, created_at)
    values (${row.id}, ${json(row.public_key)}, ${row.private_key_sealed}, ${row.created_at})`.execute(
    ctx.tx,
  );
}

export async function retireSigningKeys(ctx: TxCtx, exceptId: string, at: Date): Promise<void> {
  await sql`update signing_key set retired_at = ${at} where retired_at is null and id <> ${exceptId}`.execute(
    ctx.tx,
  );
}

export async function deleteSigningKeysRetiredBefore(ctx: TxCtx, before: Date): Promise<void> {
  await sql`delete from signing_key where retired_at < ${before}`.execute(ctx.tx);
}

// Housekeeping

/** Drops what nobody can use any more. Answers how many rows went. */
export async function deleteExpired(ctx: TxCtx, before: Date): Promise<number> {
  const pairings = await sql`delete from pairing where expires_at < ${before} returning id`.execute(ctx.tx);
  const tokens = await sql`delete from refresh_token where expires_at < ${before} returning hash`.execute(
    ctx.tx,
  );
  const sessions = await sql`delete from session s where ended_at < ${before} or not exists
    (select from refresh_token r where r.session_id = s.id) returning id`.execute(ctx.tx);
  return pairings.rows.length + tokens.rows.length + sessions.rows.length;
}

function first<Row>([row]: readonly Row[]): Row {
  if (row === undefined) throw new Error('an insert that answered no row');
  return row;
}

const one = <Row>({ rows }: { readonly rows: readonly Row[] }): Row | undefined => rows[0];
const json = (value: unknown) => sql`${JSON.stringify(value)}::text::jsonb`;

/** Rows as the wire shows them. */
import type { Account, Device, DeviceInput, Me, WorkspaceRef } from '@alcove/contract/identity';
import type { AccountRow, DeviceRow, NewDeviceRow, SessionRow, WorkspaceRow } from './store.ts';

export function renderAccount(row: AccountRow): Account {
  return {
    id: row.id,
    kind: row.kind,
    email: row.email,
    ...(row.email === null ? {} : { emailVerified: row.email_verified_at !== null }),
    displayName: row.display_name,
    createdAt: row.created_at.toISOString(),
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at.toISOString() }),
  };
}

export function renderDevice(
  row: NewDeviceRow & Partial<Pick<DeviceRow, 'last_seen_at'>>,
  currentDeviceId: string | undefined,
): Device {
  return {
    id: row.id,
    name: row.name,
    platform: row.platform,
    encryptionKey: row.encryption_key,
    signingKey: row.signing_key,
    fingerprint: row.fingerprint,
    createdAt: row.created_at.toISOString(),
    lastSeenAt: row.last_seen_at?.toISOString() ?? null,
    current: row.id === currentDeviceId,
    endorsedBy: row.endorsed_by,
  };
}

export function renderSession(row: SessionRow, currentSessionId: string): Me['session'] {
  return {
    id: row.id,
    createdAt: row.created_at.toISOString(),
    lastSeenAt: row.last_seen_at?.toISOString() ?? null,
    userAgent: row.user_agent,
    current: row.id === currentSessionId,
  };
}

export function renderWorkspace(row: WorkspaceRow): WorkspaceRef {
  return { id: row.id, name: row.name, role: row.role };
}

/** A device that sent its keys, as a row of the account it is about to join. */
export function deviceRow(
  input: DeviceInput,
  rest: Pick<DeviceRow, 'id' | 'account_id' | 'fingerprint' | 'endorsed_by' | 'created_at'>,
): NewDeviceRow {
  return {
    ...rest,
    name: input.name,
    platform: input.platform,
    encryption_key: input.encryptionKey,
    signing_key: input.signingKey,
  };
}

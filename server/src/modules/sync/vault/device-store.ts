/** The SQL of what a vault knows of the account's devices. */
import type { VaultDatabase } from '../../../platform/vaults/index.ts';

export interface DeviceRow {
  readonly id: string;
  readonly acknowledgedSeq: number;
}

export function createDeviceStore(vault: VaultDatabase) {
  return {
    list(): DeviceRow[] {
      return vault
        .statement<DeviceRow>(
          'SELECT device_id AS id, acknowledged_seq AS acknowledgedSeq FROM device_info ORDER BY device_id',
        )
        .all();
    },

    findCounter(deviceId: string): number | undefined {
      return vault
        .statement<{ counter: number }>('SELECT counter FROM device_info WHERE device_id = ?')
        .get(deviceId)?.counter;
    },
    raiseCounter(deviceId: string, counter: number, at: string): void {
      vault
        .statement(
          `INSERT INTO device_info (device_id, counter, acknowledged_seq, first_seen_at) VALUES (?, ?, 0, ?)
           ON CONFLICT (device_id) DO UPDATE SET counter = max(counter, excluded.counter)`,
        )
        .run(deviceId, counter, at);
    },

    /** What the device had sent when it first came to this history; `undefined` while it has not. */
    findCameWith(deviceId: string): number | undefined {
      return (
        vault
          .statement<{ counter: number | null }>(
            'SELECT came_with AS counter FROM device_info WHERE device_id = ?',
          )
          .get(deviceId)?.counter ?? undefined
      );
    },
    /** What it had sent it has given out. */
    noteCameWith(deviceId: string, counter: number, at: string): void {
      vault
        .statement(
          `INSERT INTO device_info (device_id, counter, came_with, acknowledged_seq, first_seen_at)
           VALUES (?1, ?2, ?2, 0, ?3)
           ON CONFLICT (device_id) DO UPDATE SET came_with = ?2, counter = max(counter, ?2)`,
        )
        .run(deviceId, counter, at);
    },

    /** The highest counter of the device in any deletion that was forgotten. */
    findCollectedCounter(deviceId: string): number | undefined {
      return vault
        .statement<{ counter: number }>(
          'SELECT collected_counter AS counter FROM device_info WHERE device_id = ?',
        )
        .get(deviceId)?.counter;
    },
    raiseCollectedCounter(deviceId: string, counter: number, at: string): void {
      vault
        .statement(
          `INSERT INTO device_info (device_id, counter, collected_counter, acknowledged_seq, first_seen_at)
           VALUES (?1, ?2, ?2, 0, ?3)
           ON CONFLICT (device_id) DO UPDATE SET collected_counter = max(collected_counter, ?2)`,
        )
        .run(deviceId, counter, at);
    },

    findAcknowledged(deviceId: string): number | undefined {
      return vault
        .statement<{ seq: number }>('SELECT acknowledged_seq AS seq FROM device_info WHERE device_id = ?')
        .get(deviceId)?.seq;
    },
    acknowledge(deviceId: string, seq: number, at: string): void {
      vault
        .statement(
          `INSERT INTO device_info (device_id, counter, acknowledged_seq, first_seen_at) VALUES (?, 0, ?, ?)
           ON CONFLICT (device_id) DO UPDATE SET acknowledged_seq = max(acknowledged_seq, excluded.acknowledged_seq)`,
        )
        .run(deviceId, seq, at);
    },
    /** Deletions wait for these devices, and for no other that is known. */
    setAwaited(deviceIds: readonly string[], at: string): void {
      vault.statement('UPDATE device_info SET awaited = 0 WHERE awaited = 1').run();
      const await_ = vault.statement(
        `INSERT INTO device_info (device_id, counter, acknowledged_seq, first_seen_at) VALUES (?, 0, 0, ?)
         ON CONFLICT (device_id) DO UPDATE SET awaited = 1`,
      );
      for (const id of deviceIds) await_.run(id, at);
    },
    /** Up to here every awaited device has stored everything; `undefined` when none is awaited. */
    findAcknowledgedByAll(): number | undefined {
      const least = vault.statement<{ seq: number | null }>(
        'SELECT min(acknowledged_seq) AS seq FROM device_info WHERE awaited = 1',
      );
      return least.get()?.seq ?? undefined;
    },
  };
}

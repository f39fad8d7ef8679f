/** What nodes tell each other about an account's vault and devices. Only that something happened: what, is asked for. */
import type { Committing, Fanout } from '../../../platform/fanout/index.ts';

export interface LiveNews {
  /** Something may have been written to the vault. Call it once that is on the disk; telling too often does no harm. */
  tellVault(accountId: string): void;
  /** Devices or keys change with this commit. */
  tellDevices(committing: Committing, accountId: string): Promise<void>;
  onVault(listener: (accountId: string) => void): void;
  onDevices(listener: (accountId: string) => void): void;
  /** Called whenever news may have been missed. */
  readonly onGap: Fanout['onGap'];
}

const vaultTopic = 'vault';
const devicesTopic = 'devices';

export function createLiveNews(fanout: Fanout): LiveNews {
  return {
    tellVault: (accountId) => fanout.tell(vaultTopic, accountId),
    tellDevices: (committing, accountId) => fanout.publish(committing, devicesTopic, accountId),
    onVault: (listener) => fanout.subscribe(vaultTopic, listener),
    onDevices: (listener) => fanout.subscribe(devicesTopic, listener),
    onGap: (listener) => fanout.onGap(listener),
  };
}

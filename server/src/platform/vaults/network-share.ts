/** SQLite relies on locks and on shared memory, which network file systems only pretend to have (https://sqlite.org/wal.html). */
import { statfsSync } from 'node:fs';

/** Numbers of statfs(2) on Linux. Other systems number them at will, so there nothing is known. */
const shares: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0xff534d42, 'SMB'],
  [0x01021997, '9P'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
]);

export function findNetworkShare(directory: string, readType = typeOf): string | undefined {
  return process.platform === 'linux' ? shares.get(readType(directory)) : undefined;
}

/** The kernel's number is unsigned; how it is handed over depends on the machine. */
const typeOf = (directory: string) => statfsSync(directory).type >>> 0;

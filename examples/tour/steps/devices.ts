/** Devices of one person: the first registers, others are paired, and any of them can be sent away. */
import { join } from 'node:path';
import { AlcoveError, type Client, createClient, type DeviceDescription } from '@alcove/client';
import { sqliteStorage } from '@alcove/client/node';
import { TourFailure } from '../failure.ts';
import { formatMs, timed } from '../figures.ts';
import { witnessKeys } from '../key-witness.ts';
import { createNetwork, type Network } from '../network.ts';
import type { Stage } from '../stage.ts';

export interface TourDevice {
  readonly name: string;
  readonly client: Client;
  readonly network: Network;
  listKeys(): Promise<string[]>;
}

/** Opens a device with a store and a network of its own. */
export async function openDevice(
  { folder, opened, signal }: Stage,
  device: DeviceDescription,
  url: string,
): Promise<TourDevice> {
  signal.throwIfAborted();
  const network = createNetwork();
  const { storage, listKeys } = witnessKeys(sqliteStorage(join(folder, `${device.name}.db`)));
  const client = opened.use(await createClient({ url, storage, device, fetch: network.fetch }));
  return { name: device.name, client, network, listKeys };
}

/** No name, no mail, no password: an account is a device's public keys. */
export async function registerLaptop({ terminal }: Stage, laptop: TourDevice): Promise<void> {
  terminal.step('Register the laptop');
  const { result: identity, ms } = await timed(() => laptop.client.register());
  terminal.fact(
    `Made its keys and an anonymous account in ${formatMs(ms)}. The private keys stay on the laptop.`,
  );
  terminal.quote('account', identity.accountId);
  terminal.quote('fingerprint', identity.fingerprint);
}

/** The phone shows a code, the laptop scans it. Nobody types a password, and the server learns no key. */
export async function pairPhone({ terminal }: Stage, laptop: TourDevice, phone: TourDevice): Promise<void> {
  terminal.step('Pair a phone');
  const { result: admitted, ms } = await timed(async () => {
    const pairing = await phone.client.startPairing();
    const device = await laptop.client.approvePairing(pairing.code);
    await pairing.claim();
    return device;
  });
  const identity = phone.client.identity;
  if (
    identity?.fingerprint !== admitted.fingerprint ||
    identity.accountId !== laptop.client.identity?.accountId
  ) {
    throw new TourFailure('the laptop admitted another device than the phone.');
  }
  terminal.fact(
    `The phone showed its code, the laptop scanned it, and the vault's keys went across, sealed with a secret that only the code holds: ${formatMs(ms)}.`,
  );
  terminal.proven(`Both name the same fingerprint: ${admitted.fingerprint}`);
}

export async function revokePhone({ terminal }: Stage, laptop: TourDevice, phone: TourDevice): Promise<void> {
  terminal.step('Revoke the phone');
  const { ms } = await timed(() => laptop.client.revokeDevice(getIdentity(phone).deviceId));
  terminal.fact(
    `The laptop revoked it in ${formatMs(ms)} and made a new key for what is written from now on.`,
  );
  const refusal = await refusalOf(phone);
  terminal.proven(`The phone's next call is refused (${refusal.code}): ${refusal.message}`);
  const left = await laptop.client.devices();
  if (left.length !== 1)
    throw new TourFailure(`the account has ${left.length} devices; only the laptop should be left.`);
}

async function refusalOf(device: TourDevice): Promise<AlcoveError> {
  try {
    await device.client.vault.sync();
  } catch (error) {
    if (error instanceof AlcoveError && error.code === 'auth.signed_out') return error;
    throw error;
  }
  throw new TourFailure(`the ${device.name} was revoked, and the server still answered it.`);
}

function getIdentity({ client, name }: TourDevice) {
  if (client.identity === undefined) throw new TourFailure(`the ${name} has no account.`);
  return client.identity;
}

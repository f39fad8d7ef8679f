/** A second device of a person, admitted as a first one admits it. */
import { logEntryHash, pairingClaimText } from '@alcove/contract/keys';
import { asPerson, callApi, createTestDevice, type Person, wrappedKey } from './people.ts';

export interface Paired {
  /** The person at the new device. */
  readonly person: Person;
  readonly pairingId: string;
}

/** Pairs a phone with the account; the person has minted the first epoch before. */
export async function pairDevice(url: string, owner: Person): Promise<Paired> {
  const phone = createTestDevice('Phone');
  const pairing = (await callApi(url, 'POST', '/auth/pairings', { device: phone.input })).body;
  const { device } = (await owner.call('GET', `/auth/pairings/${pairing.id}`)).body;
  const { epoch, log } = (await owner.call('GET', '/sync/keys')).body;
  const previousHash = await logEntryHash(log.at(-1));
  const endorsement = await owner.signEntry({ action: 'add', deviceId: device.id, previousHash }, phone);
  const keyShares = [{ epoch, wrapped: wrappedKey() }];
  const approval = { pairingId: pairing.id, keyShares, endorsement };
  const approved = await owner.call('POST', '/auth/pair-device', approval);
  const signature = phone.sign(pairingClaimText(pairing.id, pairing.challenge));
  const claimed = await callApi(url, 'POST', `/auth/pairings/${pairing.id}/claim`, { signature });
  if (claimed.status !== 200) throw new Error(`pairing failed: ${JSON.stringify([approved, claimed])}`);
  return { person: asPerson(url, phone, claimed.body), pairingId: pairing.id };
}

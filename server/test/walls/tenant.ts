/** Somebody with one of everything, whose ids others will try. */
import { logEntryHash, pairingClaimText } from '@alcove/contract/keys';
import { callApi, createTestDevice, type Person, registerPerson } from '../../src/testing/index.ts';

export interface Tenant {
  readonly person: Person;
  readonly apiKey: { readonly id: string; readonly secret: string };
  /** The id that stands in a path, by the path up to that id. */
  readonly ids: Readonly<Record<string, string>>;
}

export async function createTenant(url: string): Promise<Tenant> {
  const person = await registerPerson(url);
  await person.mintFirstEpoch();
  const made = async (path: string, body: unknown) => (await expectMade(person, path, body)).body;
  const workspace = await made('/workspaces', { name: 'Garden' });
  const invitations = `/workspaces/${workspace.id}/invitations`;
  const member = await registerPerson(url);
  const { token } = await made(invitations, { email: 'member@example.com', role: 'member' });
  await expectMade(member, '/workspaces/invitations/accept', { token });
  const open = await made(invitations, { email: 'open@example.com', role: 'viewer' });
  const apiKey = await made('/auth/api-keys', { name: 'Robot', scopes: ['*'] });
  const { body: me } = await person.call('GET', '/auth/me');
  return {
    person,
    apiKey,
    ids: {
      '/auth/pairings/{id}': await claimPairing(url, person),
      '/auth/devices/{id}': person.device.id,
      '/auth/sessions/{id}': me.session.id,
      '/auth/api-keys/{id}': apiKey.id,
      '/workspaces/{workspaceId}': workspace.id,
      '/workspaces/{workspaceId}/members/{accountId}': member.account.id,
      '/workspaces/{workspaceId}/invitations/{invitationId}': open.id,
    },
  };
}

async function expectMade(person: Person, path: string, body: unknown) {
  const answer = await person.call('POST', path, body);
  if (answer.status >= 300) throw new Error(`POST ${path} answered ${JSON.stringify(answer.body)}`);
  return answer;
}

/** A pairing that an account has taken; until then it is nobody's. */
async function claimPairing(url: string, person: Person): Promise<string> {
  const phone = createTestDevice('Phone');
  const pairing = (await callApi(url, 'POST', '/auth/pairings', { device: phone.input })).body;
  const { device } = (await person.call('GET', `/auth/pairings/${pairing.id}`)).body;
  const { log } = (await person.call('GET', '/sync/keys')).body;
  const previousHash = await logEntryHash(log.at(-1));
  const endorsement = await person.signEntry({ action: 'add', deviceId: device.id, previousHash }, phone);
  const keyShares = [{ epoch: 1, wrapped: 'A'.repeat(80) }];
  await expectMade(person, '/auth/pair-device', { pairingId: pairing.id, keyShares, endorsement });
  const signature = phone.sign(pairingClaimText(pairing.id, pairing.challenge));
  await callApi(url, 'POST', `/auth/pairings/${pairing.id}/claim`, { signature });
  return pairing.id;
}

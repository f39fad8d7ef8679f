/** Somebody with one of everything, whose ids others will try. */
import { type Person, pairDevice, registerPerson } from '../../src/testing/index.ts';

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
  const phone = await pairDevice(url, person);
  return {
    person,
    apiKey,
    ids: {
      '/auth/pairings/{id}': phone.pairingId,
      '/auth/devices/{id}': person.device.id,
      '/auth/sessions/{id}': me.session.id,
      '/auth/api-keys/{id}': apiKey.id,
      '/sync/conflicts/{id}': await createConflict(person, phone.person),
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

/** Two devices write one entry without knowing of each other. */
async function createConflict(...devices: readonly Person[]): Promise<string> {
  const entry = { id: 'entry-0000000000000', kind: 'entry', op: 'put', epoch: 1, payload: 'YQ' };
  const time = '2026-11-20T07:00:00.000Z-0000';
  const ids: string[] = [];
  for (const { device, call } of devices) {
    const { body } = await call('POST', '/sync/push', {
      changes: [{ ...entry, time, clock: { [device.id]: 1 } }],
    });
    ids.push(body.results[0].conflictId);
  }
  return String(ids.at(-1));
}

/** Requests for one person's vault, as bytes. */
import type { Change } from '@alcove/contract';
import type { Person } from '../../../server/src/testing/people.ts';
import { requestBytes } from './connection.ts';

export function pushRequest(person: Person, changes: readonly Change[]): Buffer {
  return requestBytes(
    'POST',
    '/api/v1/sync/push',
    authorized(person),
    Buffer.from(JSON.stringify({ changes })),
  );
}

export function pullRequest(person: Person, limit: number, cursor?: string): Buffer {
  const query = cursor === undefined ? '' : `&cursor=${cursor}`;
  return requestBytes('GET', `/api/v1/sync/pull?limit=${limit}${query}`, authorized(person));
}

const authorized = ({ tokens }: Person) => ({ authorization: `Bearer ${tokens.accessToken}` });

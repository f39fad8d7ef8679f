import { AuditLogs, AuditQuery, AuditVerification } from '@alcove/contract/audit';
import { type Route, route } from '../../http/route.ts';
import type { Audit } from './service.ts';

const common = {
  method: 'GET',
  tag: 'audit',
  caller: 'member',
  access: { role: 'admin', scope: 'audit:read' },
  idempotency: 'none',
} as const;

export function auditRoutes(audit: Audit): Route[] {
  return [
    route(
      {
        ...common,
        path: '/api/v1/audit/logs',
        rate: 'read',
        summary: 'Read the audit log',
        description: 'The newest first. `from` is included, `to` is not.',
        query: AuditQuery,
        success: { status: 200, body: AuditLogs, description: 'A page of entries.' },
      },
      (ctx, { query }) => audit.list(ctx, query),
    ),
    route(
      {
        ...common,
        path: '/api/v1/audit/verify',
        rate: 'costly',
        summary: 'Check that nothing in the audit log was changed',
        description:
          'Computes the whole chain of hashes anew. Write `headHash` down elsewhere: whoever can change the database could also make a shorter chain that is whole.',
        success: { status: 200, body: AuditVerification, description: 'Whether the chain is whole.' },
      },
      (ctx) => audit.verify(ctx),
    ),
  ];
}

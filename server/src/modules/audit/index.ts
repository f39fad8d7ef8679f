/** The audit log: who did what, when, from where. The module's only door. */
export { type AuditAction, auditActions } from './actions.ts';
export { readOwnEntries } from './own.ts';
export { auditRoutes } from './routes.ts';
export { type Audit, type AuditRecord, createAudit } from './service.ts';

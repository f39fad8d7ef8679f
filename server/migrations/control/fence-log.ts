/**
 * Fences of tables that a workspace's story is written into. Unlike other tables, a caller writes there for any workspace
 * it belongs to, since an account that acts in one workspace may change something that belongs to its personal one, and
 * reads only of the workspace that it acts in. Migrations that have run read this file, so it is never changed.
 */
const ofActingWorkspace = `workspace_id = nullif(current_setting('alcove.workspace', true), '')::uuid`;
const ofOwnWorkspaces = `workspace_id in (select workspace_id from member)`;

/** Rows are added and read, and never changed by a caller. */
export function fenceLog(table: string): string[] {
  return [
    ...fenced(table),
    `create policy append on ${table} for insert to alcove_app with check (${ofOwnWorkspaces})`,
    `create policy fence on ${table} for select to alcove_app using (${ofActingWorkspace})`,
    `grant select, insert on ${table} to alcove_app`,
  ];
}

/** The one row of each workspace that says how far its log has come. */
export function fenceLogHead(table: string): string[] {
  return [
    ...fenced(table),
    `create policy fence on ${table} to alcove_app using (${ofOwnWorkspaces})`,
    `grant select, insert, update on ${table} to alcove_app`,
  ];
}

function fenced(table: string): string[] {
  return [
    `alter table ${table} enable row level security, force row level security`,
    `create policy owner on ${table} to current_user using (true)`,
  ];
}

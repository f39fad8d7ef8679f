/**
 * Puts a table's rows out of reach of every tenant but their own. Migrations that have run read this file, so it is never
 * changed: another kind of fence is another function.
 *
 * `rule` is what a row must meet for the application's role. The owner, under whom migrations and system work run, sees
 * every row; that has to be said, because a forced policy holds for owners too, unless they are superusers.
 */
export function fence(table: string, rule: string): string[] {
  return [
    `alter table ${table} enable row level security, force row level security`,
    `create policy fence on ${table} to alcove_app using (${rule})`,
    `create policy owner on ${table} to current_user using (true)`,
    `grant select, insert, update, delete on ${table} to alcove_app`,
  ];
}

/** The row belongs to the account that acts. */
export const ofAccount = `account_id = nullif(current_setting('alcove.account', true), '')::uuid`;

/** The row belongs to the workspace that is acted in. */
export const ofWorkspace = `workspace_id = nullif(current_setting('alcove.workspace', true), '')::uuid`;

/** Every action that is written down, with what it means. A module that does something new adds its line here. */
export const auditActions = {
  'account.registered': 'An account was made.',
  'account.email_verified': 'A mail address was proven to reach the account, and is its address from now on.',
  'account.updated': "The account's name or address was changed.",
  'password.changed': 'The password was changed; other sessions were ended.',
  'password.reset': 'A new password was chosen by way of a letter; every session was ended.',
  'session.opened': 'Somebody signed in.',
  'session.ended': 'A session was ended by its account.',
  'session.refresh_reused': 'A refresh token was used twice, so its session was ended.',
  'device.added': 'A device was admitted to the account.',
  'device.claimed': 'An admitted device proved that it holds its key, and signed in.',
  'device.renamed': 'A device was renamed.',
  'device.revoked': 'A device was taken out of use.',
  'epoch.minted': 'A new generation of the vault key was minted.',
  'api_key.created': 'An API key was made.',
  'api_key.rotated': 'An API key was given another secret.',
  'api_key.revoked': 'An API key was taken back.',
  'workspace.created': 'The workspace was made.',
  'workspace.deleted': 'A workspace was deleted, with everything in it.',
  'workspace.renamed': 'The workspace was renamed.',
  'invitation.created': 'Somebody was invited.',
  'invitation.withdrawn': 'An invitation was withdrawn.',
  'member.added': 'An account became a member.',
  'member.role_changed': "A member's role was changed.",
  'member.removed': 'A member left or was removed.',
} as const;

export type AuditAction = keyof typeof auditActions;

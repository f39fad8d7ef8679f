import { failure } from '../../../platform/errors/index.ts';

export const providerUnknown = failure('oauth.provider_unknown', 404, 'Nobody signs in that way here.');
export const redirectNotAllowed = failure(
  'oauth.redirect_not_allowed',
  400,
  'A sign-in may not lead back to that address.',
);
export const stateInvalid = failure(
  'oauth.state_invalid',
  400,
  'This sign-in was not begun in this browser, or too long ago; begin again.',
);
export const denied = failure('oauth.denied', 403, 'The sign-in was not agreed to.');
export const providerFailed = failure(
  'oauth.provider_failed',
  502,
  'The other service could not say who this is.',
);
export const linkNeedsApp = failure(
  'oauth.link_needs_app',
  400,
  'Adding a service needs `redirect` and `codeChallenge`: an app that is signed in takes the code.',
);
export const identityTaken = failure(
  'oauth.identity_taken',
  409,
  'Whoever agreed there signs in to another account with it.',
);
export const providerLinked = failure(
  'oauth.provider_linked',
  409,
  'The account signs in with that service already.',
);
export const identityNotFound = failure(
  'oauth.identity_not_found',
  404,
  'The account does not sign in with that service.',
);
export const lastWayIn = failure('oauth.last_way_in', 409, 'This is the only way into the account.');
export const guestCannotLink = failure('oauth.guest_cannot_link', 409, 'A guest becomes an account first.');
export const codeInvalid = failure(
  'oauth.code_invalid',
  400,
  'The code is not valid: it was used or has expired.',
);

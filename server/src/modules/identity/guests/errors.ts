import { failure } from '../../../platform/errors/index.ts';

export const assistantNotFound = failure('assistant.not_found', 404, 'There is no such assistant.');
export const assistantBroken = failure(
  'assistant.broken',
  422,
  'The assistant cannot be used as it is set up.',
);
export const guestNotAllowed = failure('guest.not_allowed', 403, 'This assistant does not take guests.');
export const notGuest = failure('guest.required', 409, 'Only the session of a guest can be converted.');
export const guestTokenInvalid = failure(
  'guest.token_invalid',
  400,
  'guestToken is not the access token of a guest.',
);
export const guestCannotMerge = failure(
  'guest.account_required',
  409,
  'A guest cannot take over another guest; sign in to an account first.',
);

import { failure } from '../../platform/errors/index.ts';

export const rateLimited = failure('rate.limited', 429, 'The quota of requests is used up.');
export const limiterUnavailable = failure(
  'rate.unavailable',
  503,
  'Requests of this kind cannot be counted at this moment, and are not taken uncounted.',
);

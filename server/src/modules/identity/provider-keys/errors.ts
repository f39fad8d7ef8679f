import { failure } from '../../../platform/errors/index.ts';

export const providerNotFound = failure(
  'provider.not_found',
  404,
  'The workspace has no key for this provider.',
);
export const providerWithoutAddress = failure(
  'provider.base_url_required',
  400,
  'A compatible service needs settings.baseUrl, which says where it answers.',
);

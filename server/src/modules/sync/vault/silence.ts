/** A device that was not heard of for so long is no longer waited for: it may have to read its vault anew. */
export const silentAfterMs = 180 * 24 * 60 * 60 * 1000;

/** What a vault accepts. Sizes of payloads are counted in base64url text, as they travel. */
export const syncLimits = {
  changesPerPushMax: 500,
  pushBodyBytesMax: 4 * 1024 * 1024,
  payloadLengthMax: 640 * 1024,
  /** What proves a deletion has no content. */
  deletionPayloadLengthMax: 256,
  /** Of all that ever wrote the item: entries stay when devices go. A clock of so many weighs some 45 KB. */
  devicesPerClockMax: 1000,
  /** A deletion begins the item's clock anew once it is forgotten, so it is taken where an edit is not any more. */
  devicesPerDeletionMax: 1100,
  counterMax: Number.MAX_SAFE_INTEGER,
  pullLimitMax: 500,
  pullLimitDefault: 200,
  sourcesMax: 1000,
} as const;

/** What a vault accepts. Sizes of payloads are counted in base64url text, as they travel. */
export const syncLimits = {
  changesPerPushMax: 500,
  pushBodyBytesMax: 4 * 1024 * 1024,
  payloadLengthMax: 640 * 1024,
  devicesPerClockMax: 64,
  counterMax: Number.MAX_SAFE_INTEGER,
  pullLimitMax: 500,
  pullLimitDefault: 200,
  sourcesMax: 1000,
} as const;

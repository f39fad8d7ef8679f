/**
 * Two stores that claim to be one device are told apart by what each has sent. A vault that is put back has forgotten that,
 * so it notes anew with which counter a device came to it first: whoever has sent more by then is another store.
 */
export const up: readonly string[] = [
  // Null until the device has come to this history, and in a vault that was never restored.
  `ALTER TABLE device_info ADD COLUMN came_with INTEGER`,
];

/** What a page of an app would do with the SDK, within reach of the tests. */
import { createClient } from '@alcove/client';
import { indexedDbStorage } from '@alcove/client/browser';

const tools = { createClient, indexedDbStorage };

declare global {
  var alcove: typeof tools;
}

globalThis.alcove = tools;

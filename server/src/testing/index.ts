/** A real service for tests: a real app on a real database, in a folder of its own that is gone afterwards. */

export { createTestClock, type TestClock } from './clock.ts';
export { behindTheScenes, openDatabase } from './database.ts';
export { type Heard as HeardOnSocket, listenOnSocket } from './listen.ts';
export { codeIn, lettersTo, waitForLetter } from './mailbox.ts';
export { type Paired, pairDevice } from './pairing.ts';
export {
  type Answer,
  asPerson,
  callApi,
  createTestDevice,
  type Person,
  registerPerson,
  type TestDevice,
  wrappedKey,
} from './people.ts';
export { startTestServer, type TestServer, type TestServerOptions } from './server.ts';
export { openVaultFile } from './vault-file.ts';

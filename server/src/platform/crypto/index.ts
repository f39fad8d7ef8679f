export { createEnvelope, DecryptionError, type Envelope } from './envelope.ts';
export { createMasterKey, loadMasterKey, type MasterKey } from './master-key.ts';
export { Secret } from './secret.ts';
export { readOrCreateSecretFile, type SecretFile, SecretFileError } from './secret-file.ts';
export { createToken, hashToken, isSameText } from './tokens.ts';

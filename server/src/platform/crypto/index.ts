export { type AwsKmsOptions, createAwsKms } from './aws-kms.ts';
export { createEnvelope, DecryptionError, type Envelope, keyIdInCiphertext } from './envelope.ts';
export { type KeyWrapper, KeyWrapperError } from './key-wrapper.ts';
export {
  createMasterKey,
  createMasterKeyText,
  isWrapped,
  loadMasterKeys,
  type MasterKey,
  type MasterKeySource,
  type MasterKeys,
  masterKeyPath,
  openMasterKeys,
  readMasterKeyTexts,
  writeMasterKeyTexts,
} from './master-key.ts';
export { Secret } from './secret.ts';
export { readOrCreateSecretFile, type SecretFile, SecretFileError } from './secret-file.ts';
export { createToken, hashToken, isSameText } from './tokens.ts';

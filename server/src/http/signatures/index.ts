export { createSignatures, requireDigest, type Signatures } from './signatures.ts';

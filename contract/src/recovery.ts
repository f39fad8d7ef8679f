/**
 * The recovery key: a member of the device log that 24 words stand for, so that an account outlives all of its devices.
 *
 * Both of its key pairs follow from the words; its id follows from its public keys (`recoveryMemberId`), so that the words
 * alone are enough to find it. It gets a share of every epoch like a device, and is never signed in as one.
 */
import Type, { type Static } from 'typebox';
import { Base64Url, Nullable, Strict, Timestamp, Uuid } from './common.ts';
import { DeviceInput, DeviceProof, Epoch, KeyShare, LogEntry, PublicJwk, Wrapped } from './identity.ts';

/** Longest blob beside a recovery key: 4 KiB as base64url text. */
export const recoveryBlobLengthMax = 5462;

const keys = { encryptionKey: PublicJwk, signingKey: PublicJwk };

export const RecoveryMember = Type.Object({
  id: Uuid,
  ...keys,
  createdAt: Timestamp,
  blob: Nullable(Type.String()),
});
export type RecoveryMember = Static<typeof RecoveryMember>;

export const SetRecoveryRequest = Strict({
  ...keys,
  endorsement: LogEntry,
  keyShares: Type.Array(KeyShare, {
    maxItems: 1000,
    description: 'The keys of all epochs that there are, wrapped to the new recovery key.',
  }),
  replaces: Type.Optional(
    Strict(
      {
        revocation: LogEntry,
        epoch: Epoch,
        shares: Type.Array(Strict({ deviceId: Uuid, wrapped: Wrapped }), { minItems: 1, maxItems: 1000 }),
      },
      {
        description:
          'Where there is a recovery key already: the entry that takes it out, which comes before the endorsement, and the next epoch, which it gets no share of.',
      },
    ),
  ),
  blob: Type.Optional(Nullable(Base64Url({ maxLength: recoveryBlobLengthMax }))),
});
export type SetRecoveryRequest = Static<typeof SetRecoveryRequest>;

export const RecoverRequest = Strict({
  device: DeviceInput,
  memberId: Uuid,
  challenge: DeviceProof.properties.challenge,
  signature: DeviceProof.properties.signature,
});
export type RecoverRequest = Static<typeof RecoverRequest>;

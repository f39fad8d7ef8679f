/** Requests of API keys that sign: the signature and its nonce before the body is read, the digest once it is there. */
import type { FastifyRequest } from 'fastify';
import { type Actor, asSystem, type Ctx } from '../../context.ts';
import type { Clock } from '../../platform/clock/index.ts';
import { describesBody } from './content-digest.ts';
import { digestMismatch, signatureReplayed } from './errors.ts';
import { deleteExpiredNonces, rememberNonce } from './nonce-store.ts';
import { fieldOf, type SignedRequest } from './signature-base.ts';
import { announcesBody, verifyRequest } from './verify-request.ts';

export interface Signatures {
  /**
   * Lets a request pass whose caller need not sign or has signed. Answers the digest that its body must have, if it
   * must have one.
   */
  requireSignature(ctx: Ctx, request: FastifyRequest): Promise<string | undefined>;
  /** Forgets the nonces of signatures that no longer hold. */
  sweep(ctx: Ctx): Promise<void>;
}

export function createSignatures(parts: {
  /** How callers know this service; what they sign is an address below it. */
  readonly publicUrl: string;
  readonly clock: Clock;
}): Signatures {
  const { publicUrl, clock } = parts;
  return {
    async requireSignature(ctx, request) {
      const signer = findSigner(ctx.actor);
      if (signer === undefined) return undefined;
      const signed: SignedRequest = {
        method: request.method,
        targetUri: `${publicUrl}${request.url}`,
        headers: request.headers,
      };
      const { nonce, expiresAtMs } = verifyRequest(signed, signer, clock.now());
      const row = { keyId: signer.rowId, nonce, expiresAt: new Date(expiresAtMs) };
      if (!(await asSystem(ctx, (tx) => rememberNonce(tx, row)))) throw signatureReplayed();
      return announcesBody(signed) ? fieldOf(signed, 'content-digest') : undefined;
    },
    sweep: (ctx) => asSystem(ctx, (tx) => deleteExpiredNonces(tx, new Date(clock.now()))),
  };
}

/** A token that a signing key made is used without signatures: it was made with one, and soon ends. */
function findSigner(actor: Actor) {
  if (actor.kind !== 'key' || actor.credential !== 'secret' || actor.signing === undefined) return undefined;
  return { keyId: actor.publicId, rowId: actor.keyId, signing: actor.signing };
}

/** Throws when a body is not the one that the signature covers by its digest. */
export function requireDigest(digest: string | undefined, body: Uint8Array | undefined): void {
  if (digest !== undefined && !describesBody(digest, body ?? Buffer.alloc(0))) throw digestMismatch();
}

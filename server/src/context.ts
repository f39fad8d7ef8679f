/** The one explicit value that travels: who is calling, for which tenant, until when, and in which transaction. */
import type { Secret } from './platform/crypto/index.ts';
import type { Database, Tenant, Transaction } from './platform/database/index.ts';
import type { Logger } from './platform/telemetry/index.ts';

export type Actor =
  | { readonly kind: 'anyone' }
  | AccountActor
  | KeyActor
  | { readonly kind: 'operator' }
  | { readonly kind: 'system' };

/** What an actor may do in a workspace, from the least to the most. */
export type Role = 'viewer' | 'member' | 'admin' | 'owner';

export interface AccountActor {
  readonly kind: 'account';
  readonly accountId: string;
  readonly sessionId: string;
  readonly deviceId: string | undefined;
  readonly workspaceId: string;
  /** When the token that the caller showed ends. */
  readonly tokenExpiresAtMs: number;
}

/** An API key, which acts for one workspace and for no person. */
export interface KeyActor {
  readonly kind: 'key';
  readonly keyId: string;
  readonly workspaceId: string;
  readonly scopes: readonly string[];
  /** What it showed: its secret, or a token that was made with it for a while. */
  readonly credential: 'secret' | 'token';
  /** Names the key without telling it. */
  readonly publicId: string;
  /** Which of its secrets is behind this, counted by its rotations. */
  readonly secretVersion: number;
  /** What its requests have to be signed with, if they have to be. */
  readonly signing?: RequestSigning | undefined;
}

/** A key's own key, by which its requests are known to be its own (RFC 9421); the secret is base64url. */
export type RequestSigning =
  | { readonly algorithm: 'ed25519'; readonly publicKey: { kty: string; crv: string; x: string } }
  | { readonly algorithm: 'hmac-sha256'; readonly secret: Secret };

/** Who was found to belong to the workspace that is acted in, and as what. A key acts as an admin within its scopes. */
export type MemberActor = (AccountActor | KeyActor) & { readonly role: Role };

/** An account that calls from one of its devices. */
export type DeviceActor = AccountActor & { readonly deviceId: string };

export interface Ctx<Caller extends Actor = Actor> {
  readonly actor: Caller;
  readonly requestId: string;
  /** Aborts when the caller has left. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly database: Database;
  readonly origin: Origin;
  /** What has to be written in the same transaction as the effect of this request, given what `work` returned. */
  readonly beforeCommit?: ((tx: TxCtx, result: unknown) => Promise<void>) | undefined;
}

/** Where a request came from. */
export interface Origin {
  readonly ip: string;
  readonly userAgent: string | undefined;
}

/**
 * A context bound to an open transaction. It takes the place of the context it was made from: the database is out of
 * reach inside, because a second transaction would wait for ever on the embedded database and escape this one on PostgreSQL.
 */
export interface TxCtx<Caller extends Actor = Actor> extends Omit<Ctx<Caller>, 'database' | 'beforeCommit'> {
  readonly tx: Transaction;
  readonly role: 'tenant' | 'owner';
  /** Runs `effect` once the transaction is committed, and not at all when it is taken back. */
  afterCommit(effect: () => void): void;
}

type Work<Caller extends Actor, T> = (ctx: TxCtx<Caller>) => Promise<T>;

/** Runs `work` in a transaction that sees the caller's rows alone. Inside another one it joins that. */
export function inTransaction<Caller extends Actor, T>(
  ctx: Ctx<Caller> | TxCtx<Caller>,
  work: Work<Caller, T>,
): Promise<T> {
  if ('tx' in ctx) return work(ctx);
  const tenant = tenantOf(ctx.actor);
  return begin(ctx, 'tenant', work, (run) => ctx.database.asTenant(tenant, run));
}

/** Runs `work` in a transaction that sees every row: for what happens before a caller is known, and for jobs. */
export function asSystem<Caller extends Actor, T>(
  ctx: Ctx<Caller> | TxCtx<Caller>,
  work: Work<Caller, T>,
): Promise<T> {
  if (!('tx' in ctx)) return begin(ctx, 'owner', work, (run) => ctx.database.asOwner(run));
  if (ctx.role !== 'owner') throw new Error("a tenant's transaction cannot become the owner's");
  return work(ctx);
}

function tenantOf(actor: Actor): Tenant {
  if (actor.kind === 'account') return { accountId: actor.accountId, workspaceId: actor.workspaceId };
  if (actor.kind === 'key') return { accountId: undefined, workspaceId: actor.workspaceId };
  return { accountId: undefined, workspaceId: undefined };
}

/** Who acted, as it is written down: `account:` or `key:` with the id, or the kind alone. */
export function actorName(actor: Actor): string {
  if (actor.kind === 'account') return `account:${actor.accountId}`;
  return actor.kind === 'key' ? `key:${actor.keyId}` : actor.kind;
}

async function begin<Caller extends Actor, T>(
  ctx: Ctx<Caller>,
  role: TxCtx['role'],
  work: Work<Caller, T>,
  open: (run: (tx: Transaction) => Promise<T>) => Promise<T>,
): Promise<T> {
  const effects: (() => void)[] = [];
  const result = await open(async (tx) => {
    const bound = bind(ctx, tx, role, effects);
    const answer = await work(bound);
    await ctx.beforeCommit?.(bound, answer);
    return answer;
  });
  for (const effect of effects) effect();
  return result;
}

/**
 * The same context for what comes before the effect of a request and is no part of it, such as something looked up or an
 * attempt counted: what has to be written together with the effect is not written here.
 */
export function beforehand<Caller extends Actor>(ctx: Ctx<Caller>): Ctx<Caller> {
  return {
    actor: ctx.actor,
    requestId: ctx.requestId,
    origin: ctx.origin,
    database: ctx.database,
    get signal() {
      return ctx.signal;
    },
    get log() {
      return ctx.log;
    },
  };
}

/** Member by member, so that the database stays behind and what a request makes only when asked stays unmade. */
function bind<Caller extends Actor>(
  ctx: Ctx<Caller>,
  tx: Transaction,
  role: TxCtx['role'],
  effects: (() => void)[],
): TxCtx<Caller> {
  return {
    actor: ctx.actor,
    requestId: ctx.requestId,
    origin: ctx.origin,
    get signal() {
      return ctx.signal;
    },
    get log() {
      return ctx.log;
    },
    tx,
    role,
    afterCommit: (effect) => void effects.push(effect),
  };
}

/** The context of work that no request asked for. */
export function systemCtx(parts: {
  readonly log: Logger;
  readonly database: Database;
  readonly signal: AbortSignal;
  readonly id: string;
}): Ctx<{ readonly kind: 'system' }> {
  const { id, ...rest } = parts;
  return { ...rest, actor: { kind: 'system' }, requestId: id, origin: { ip: '', userAgent: undefined } };
}

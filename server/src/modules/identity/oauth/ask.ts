/** Asks a provider, and trusts nothing of its answer but that it is JSON. */
import { createHash } from 'node:crypto';
import { isSameText } from '../../../platform/crypto/index.ts';
import { OutboundError, request } from '../../../platform/outbound/index.ts';
import { providerFailed } from './errors.ts';

export interface Question {
  readonly signal: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as a form by POST. */
  readonly form?: Readonly<Record<string, string>>;
}

const deadlineMs = 5000;
const responseBytesMax = 256 * 1024;

/** Answers what the JSON says. */
export async function askProvider(address: string, { signal, headers, form }: Question): Promise<Answer> {
  const answer = await send(address, {
    deadlineMs,
    responseBytesMax,
    signal,
    headers: {
      accept: 'application/json',
      'user-agent': 'alcove',
      ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
      ...headers,
    },
    ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form).toString() }),
  });
  if (answer.status !== 200) throw providerFailed(`It answered with status ${answer.status}.`);
  return parse(answer.body);
}

export class Answer {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }

  find(member: string): unknown {
    const isObject = typeof this.value === 'object' && this.value !== null && !Array.isArray(this.value);
    return isObject ? new Map(Object.entries(this.value)).get(member) : undefined;
  }

  findText(member: string): string | undefined {
    const value = this.find(member);
    return typeof value === 'string' && value !== '' ? value : undefined;
  }

  /** Throws `oauth.provider_failed` without such a text. */
  getText(member: string): string {
    const text = this.findText(member);
    if (text === undefined) throw providerFailed(`Its answer has no ${member}.`);
    return text;
  }

  list(): readonly Answer[] {
    return Array.isArray(this.value) ? this.value.map((value: unknown) => new Answer(value)) : [];
  }
}

async function send(...question: Parameters<typeof request>) {
  try {
    return await request(...question);
  } catch (error) {
    if (error instanceof OutboundError) throw providerFailed({ detail: `${error.message}.`, cause: error });
    throw error;
  }
}

function parse(body: Buffer): Answer {
  try {
    return new Answer(JSON.parse(body.toString('utf8')));
  } catch (cause) {
    throw providerFailed({ detail: 'Its answer is not JSON.', cause });
  }
}

/** RFC 7636, S256. */
export function challengeOf(codeVerifier: string): string {
  return createHash('sha256').update(codeVerifier).digest('base64url');
}

/** Whether the app shows the secret behind the challenge with which it began, if it began with one. */
export function isShown(codeVerifier: string | undefined, challenge: string | null): boolean {
  if (challenge === null) return true;
  return codeVerifier !== undefined && isSameText(challengeOf(codeVerifier), challenge);
}

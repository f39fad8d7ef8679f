import { describe, expect, it } from 'vitest';
import { backoffMs, isTransient, pollPauseMs, wait } from './backoff.ts';
import { AlcoveError } from './errors.ts';

const policy = { baseMs: 100, capMs: 1000 };

describe('backoff', () => {
  it.each([
    [0, 100],
    [1, 200],
    [3, 800],
    [4, 1000],
    [5000, 1000],
  ])('before repetition %i is anything up to %i ms', (attempt, ceiling) => {
    expect(backoffMs(attempt, () => 0, policy)).toBe(0);
    expect(backoffMs(attempt, () => 0.999_999, policy)).toBe(ceiling - 1);
  });

  it('never comes back before the server allows it', () => {
    expect(backoffMs(0, () => 0, policy, 7000)).toBe(7000);
  });

  it('ends at once when the call is aborted, also before it began', async () => {
    const controller = new AbortController();
    const waiting = wait(60_000, controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
    await expect(wait(60_000, controller.signal)).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('the pause between two questions', () => {
  it.each([
    ['is what was asked for at first', 0, 2000, 0, 2000],
    ['grows slowly', 5, 2000, 0, 3221],
    ['ends growing at five seconds', 5000, 2000, 0, 5000],
    ['may be longer when that was asked for', 5000, 20_000, 0, 20_000],
    ['is never shorter than the server asks', 0, 10, 2000, 2000],
  ])('%s', (_what, attempt, pollMs, retryAfterMs, expected) => {
    expect(Math.round(pollPauseMs(attempt, pollMs, retryAfterMs))).toBe(expected);
  });
});

describe('what is worth another try', () => {
  it.each([
    [new AlcoveError('network', ''), true],
    [new AlcoveError('timeout', ''), true],
    [new AlcoveError('limit.exceeded', '', { status: 429 }), true],
    [new AlcoveError('internal.error', '', { status: 500 }), true],
    [new AlcoveError('idempotency.running', '', { status: 409 }), true],
    [new AlcoveError('auth.invalid_token', '', { status: 401 }), false],
    [new AlcoveError('aborted', ''), false],
    [new Error('a defect'), false],
  ])('%o: %s', (error, expected) => {
    expect(isTransient(error)).toBe(expected);
  });
});

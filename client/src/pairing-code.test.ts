import { toBase64Url } from '@alcove/contract/base64url';
import { describe, expect, it } from 'vitest';
import { createPairingSecret, formatPairingCode, parsePairingCode } from './pairing-code.ts';

const pairingId = '0193f0a0-0000-7000-8000-0000000000ff';
const fingerprint = toBase64Url(new Uint8Array(32).fill(3));
const secret = createPairingSecret();
const whole = formatPairingCode({ pairingId, fingerprint, secret });

describe('a pairing code', () => {
  it('says what was put into it, with or without a server', () => {
    expect(parsePairingCode(whole)).toEqual({ pairingId, fingerprint, secret });
    const url = 'https://journal.example:8443/ä';
    expect(parsePairingCode(formatPairingCode({ pairingId, fingerprint, secret, url }))).toEqual({
      pairingId,
      fingerprint,
      secret,
      url,
    });
  });

  it('forgives blanks and line ends around it', () => {
    expect(parsePairingCode(`  ${whole}\n`).pairingId).toBe(pairingId);
  });

  it('carries 256 bit that differ each time', () => {
    expect(secret).toHaveLength(32);
    expect(createPairingSecret()).not.toEqual(secret);
  });

  it.each([
    ['nothing', ''],
    ['a web address', 'https://example.org'],
    ['half a code', whole.slice(0, 80)],
    ['a code with a short secret', whole.slice(0, -4)],
    ['a code of another version', whole.replace(':1.', ':2.')],
    ['a code with a part too many', `${whole}.AA.AA`],
    ['a pairing id that is a path', whole.replace(pairingId, '../../auth/me')],
    ['a code with other letters', whole.replace(/.$/, '*')],
  ])('is not read from %s', (_what, text) => {
    expect(() => parsePairingCode(text)).toThrowError(
      expect.objectContaining({ code: 'pairing.invalid_code' }),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { isSignedBy, sign } from './keys.ts';
import { createRecoveryWords, readRecoveryWords } from './recovery-words.ts';

/** BIP-39's own example of 256 zero bits. */
const zeros = `${'abandon '.repeat(23)}art`;

describe('24 words', () => {
  it('stand for the same keys wherever they are typed, and however', async () => {
    const words = createRecoveryWords();
    const { id, keys } = await readRecoveryWords(words);
    const typed = `  1. ${words.toUpperCase().split(' ').join('\n 2) ')} `;
    const again = await readRecoveryWords(typed);
    expect({ id: again.id, keys: again.keys }).toEqual({ id, keys });
    expect((await readRecoveryWords(createRecoveryWords())).id).not.toBe(id);
  });

  it('stand for these very keys, so that words from today open the vault in ten years', async () => {
    const { id, keys, vouchFor } = await readRecoveryWords(zeros);
    expect([id, keys.encryption.publicKey, keys.signing.publicKey, await vouchFor('a', 'b')]).toEqual([
      'a4273cb2-65b3-8c28-8e15-32578c7c0c6b',
      { kty: 'OKP', crv: 'X25519', x: 'Gjlrij2k3HhBCF42GcD0MNl_WtSJ10UF7XIczfiGYnM' },
      { kty: 'OKP', crv: 'Ed25519', x: '5wqXA89FjeNqHS-1wkd70uQ24w-kEkka2ZlLfzDHIDY' },
      'PWHoE0I-_cvJ1gdNRx3gsZLuq3jxkkt7deQxEKnhqeQ',
    ]);
  });

  it('sign, and vouch for one entry of one account', async () => {
    const { keys, vouchFor } = await readRecoveryWords(createRecoveryWords());
    const signature = await sign(keys.signing, 'a text');
    expect(await isSignedBy(keys.signing.publicKey, 'a text', signature)).toBe(true);
    expect(await vouchFor('account', 'entry')).not.toBe(await vouchFor('account', 'another'));
    expect(await vouchFor('account', 'entry')).not.toBe(await vouchFor('another', 'entry'));
  });

  it.each([
    ['too few', 'abandon abandon', 'These are 2 words; it takes all 24.'],
    ['none', '', 'These are 0 words; it takes all 24.'],
    ['misspelt', zeros.replace('abandon', 'abondon'), 'Not a word of the list: number 1, “abondon”.'],
    ['two misspelt', zeros.replace(/^abandon abandon/, 'x y'), 'number 1, “x”; number 2, “y”'],
    ['another word of the list', zeros.replace('abandon', 'ability'), 'Every word is one of the list'],
    [
      'in another order',
      zeros.replace(/^(.*) abandon art$/, '$1 art abandon'),
      'Every word is one of the list',
    ],
  ])('that are %s are refused with a sentence that helps', async (_what, words, sentence) => {
    await expect(readRecoveryWords(words)).rejects.toMatchObject({
      code: 'recovery.invalid_words',
      message: expect.stringContaining(sentence),
    });
  });
});

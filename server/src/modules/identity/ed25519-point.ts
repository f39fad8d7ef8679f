/** Which 32 bytes are a usable Ed25519 public key (RFC 8032, section 5.1.3). */

const p = 2n ** 255n - 19n;
const d = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

/** The ordinates of the points whose order divides 8: under such a key one signature fits many messages. */
const smallOrder = new Set([
  0n,
  1n,
  p - 1n,
  BigInt('0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7'),
  BigInt('0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826'),
]);

export function isEd25519Point(key: Uint8Array): boolean {
  if (key.length !== 32) return false;
  const littleEndian = BigInt(`0x${Buffer.from(key).reverse().toString('hex')}`);
  const y = littleEndian & (2n ** 255n - 1n);
  return y < p && !smallOrder.has(y) && isOnCurve(y);
}

/** x² = (y² − 1) / (d·y² + 1) has to be a square, by Euler's criterion on the product of both sides. */
function isOnCurve(y: bigint): boolean {
  const ySquared = (y * y) % p;
  const numerator = (ySquared - 1n + p) % p;
  const denominator = (d * ySquared + 1n) % p;
  return power(numerator * denominator, (p - 1n) / 2n) === 1n;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base % p;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % p;
    square = (square * square) % p;
  }
  return result;
}

/**
 * What gRPC-Web needs: messages in frames over HTTP, and of Protocol Buffers the two shapes that are spoken here.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md, https://protobuf.dev/programming-guides/encoding/
 */
import { unavailable } from '../remote-errors.ts';

/** What a member of a message holds: a number, or bytes, which may be a text or a message themselves. */
export type Member = { readonly id: number } & (
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'bytes'; readonly value: Buffer }
);

const frameHeaderBytes = 5;
const trailersFlag = 0x80;

export function frameMessage(message: Uint8Array): Buffer {
  const header = Buffer.alloc(frameHeaderBytes);
  header.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([header, message]);
}

/** The messages of an answer. Throws when it was cut off: its end is a frame that says how the call went. */
export function readMessages(answer: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at + frameHeaderBytes <= answer.byteLength; ) {
    const from = at + frameHeaderBytes;
    const to = from + answer.readUInt32BE(at + 1);
    const content = answer.subarray(from, to);
    if (answer.readUInt8(at) === trailersFlag) {
      if (/^grpc-status: ?0\r?$/m.test(content.toString('latin1'))) return messages;
      break;
    }
    messages.push(content);
    at = to;
  }
  throw unavailable(new Error('the database did not send its replication log to the end'));
}

export const numberMember = (id: number, value: number): Uint8Array =>
  Uint8Array.from([...varint(id << 3), ...varint(value)]);

function varint(value: number): number[] {
  const low = value % 0x80;
  return value < 0x80 ? [low] : [low | 0x80, ...varint(Math.floor(value / 0x80))];
}

export function readMembers(message: Buffer): Member[] {
  const members: Member[] = [];
  let at = 0;
  const readNumber = (): number => {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = message.readUInt8(at);
      at += 1;
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.byteLength) {
    const key = readNumber();
    const id = key >>> 3;
    if ((key & 7) === 0) members.push({ id, kind: 'number', value: readNumber() });
    else if ((key & 7) === 2) {
      const length = readNumber();
      members.push({ id, kind: 'bytes', value: message.subarray(at, at + length) });
      at += length;
    } else throw new Error('the replication log has members of a kind that was not expected');
  }
  return members;
}

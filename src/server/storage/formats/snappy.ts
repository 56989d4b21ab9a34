import { CodedError } from '../../../common/errors.ts';

/** What snappy-java's SnappyOutputStream puts first: 0x82 "SNAPPY" 0, and two versions. */
const STREAM_MAGIC = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];
const STREAM_HEADER_BYTES = 16;
/** Larger than any block that the Java library writes; keeps a damaged length from asking for gigabytes. */
const BLOCK_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Unpacks what ZooKeeper writes with `zookeeper.snapshot.compression.method=snappy`: snappy-java's stream of blocks, each
 * a length and raw Snappy (google/snappy, format_description.txt).
 * @throws CodedError ZK_SNAPSHOT_CORRUPT
 */
export function unpackSnappyStream(packed: Uint8Array): Uint8Array {
  if (STREAM_MAGIC.some((byte, at) => packed[at] !== byte)) throw corrupt('it does not begin like a Snappy stream');
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const blocks: Uint8Array[] = [];
  let total = 0;
  for (let at = STREAM_HEADER_BYTES; at < packed.length;) {
    if (at + 4 > packed.length) throw corrupt('it is cut short');
    const length = view.getUint32(at);
    const end = at + 4 + length;
    if (end > packed.length) throw corrupt('it is cut short');
    const block = unpackSnappy(packed.subarray(at + 4, end));
    blocks.push(block);
    total += block.length;
    at = end;
  }
  const all = new Uint8Array(total);
  let at = 0;
  for (const block of blocks) {
    all.set(block, at);
    at += block.length;
  }
  return all;
}

/** Unpacks one block of raw Snappy. */
function unpackSnappy(packed: Uint8Array): Uint8Array {
  const reader = new Reader(packed);
  const length = reader.varint();
  if (length > BLOCK_BYTES_MAX) throw corrupt(`a block of ${length} bytes is too long`);
  const out = new Uint8Array(length);
  let at = 0;
  while (!reader.atEnd()) {
    const tag = reader.byte();
    const kind = tag & 3;
    if (kind === 0) {
      const short = tag >>> 2;
      const count = (short < 60 ? short : reader.littleEndian(short - 59)) + 1;
      if (at + count > length) throw corrupt('a literal runs over the end of its block');
      out.set(reader.bytes(count), at);
      at += count;
      continue;
    }
    const count = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    const distance = kind === 1 ? (tag >>> 5) * 256 + reader.byte() : reader.littleEndian(kind === 2 ? 2 : 4);
    if (distance === 0 || distance > at || at + count > length) throw corrupt('a copy reaches outside its block');
    // Byte by byte: a copy may overlap itself, which is how runs are packed.
    for (const end = at + count; at < end; at++) out[at] = out[at - distance] ?? 0;
  }
  if (at !== length) throw corrupt('a block is shorter than it says');
  return out;
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw corrupt('it is cut short');
    return byte;
  }

  bytes(count: number): Uint8Array {
    if (this.#at + count > this.#bytes.length) throw corrupt('it is cut short');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  littleEndian(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value += this.byte() * 256 ** i;
    return value;
  }

  varint(): number {
    let value = 0;
    for (let i = 0; i < 5; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * 128 ** i;
      if (byte < 0x80) return value;
    }
    throw corrupt('a length is too long');
  }
}

function corrupt(why: string): CodedError {
  return new CodedError('ZK_SNAPSHOT_CORRUPT', `Snappy: ${why}`);
}

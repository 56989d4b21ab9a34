import { CodedError } from '../../../common/errors.ts';
import { ByteQueue } from '../../protocol/byte-queue.ts';

/** What snappy-java's SnappyOutputStream puts first: 0x82 "SNAPPY" 0, and two versions. */
const STREAM_MAGIC = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];
const STREAM_HEADER_BYTES = 16;
/** Larger than any block that the Java library writes; keeps a damaged length from asking for gigabytes. */
const BLOCK_BYTES_MAX = 64 * 1024 * 1024;

/** What a block may be packed into at the most: Snappy's own bound. */
const PACKED_BYTES_MAX = 32 + BLOCK_BYTES_MAX + Math.ceil(BLOCK_BYTES_MAX / 6);

/** True for bytes that begin like what {@link SnappyStream} unpacks; a beginning of it will do. */
export function beginsLikeSnappy(bytes: Uint8Array): boolean {
  return bytes.length > 0 && STREAM_MAGIC.every((byte, at) => at >= bytes.length || bytes[at] === byte);
}

/**
 * Unpacks what ZooKeeper writes with `zookeeper.snapshot.compression.method=snappy`, in pieces of any size: snappy-java's
 * stream of blocks, each a length and raw Snappy (google/snappy, format_description.txt).
 */
export class SnappyStream {
  readonly #onBlock: (block: Uint8Array) => void;
  readonly #queue = new ByteQueue();
  #inBlocks = false;

  /** @param onBlock Gets what was packed, in order. */
  constructor(onBlock: (block: Uint8Array) => void) {
    this.#onBlock = onBlock;
  }

  /** @throws CodedError ZK_SNAPSHOT_CORRUPT */
  push(packed: Uint8Array): void {
    this.#queue.append(packed);
    const bytes = this.#queue.view();
    let at = 0;
    if (!this.#inBlocks) {
      if (!beginsLikeSnappy(bytes)) throw corrupt('it does not begin like a Snappy stream');
      if (bytes.length < STREAM_HEADER_BYTES) return;
      this.#inBlocks = true;
      at = STREAM_HEADER_BYTES;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    while (at + 4 <= bytes.length) {
      const length = view.getUint32(at);
      if (length > PACKED_BYTES_MAX) throw corrupt(`a block of ${length} bytes is too long`);
      const end = at + 4 + length;
      if (end > bytes.length) break;
      this.#onBlock(unpackSnappy(bytes.subarray(at + 4, end)));
      at = end;
    }
    this.#queue.drop(at);
  }

  /** All of it has come. @throws CodedError ZK_SNAPSHOT_CORRUPT */
  end(): void {
    if (!this.#inBlocks || this.#queue.length > 0) throw corrupt('it is cut short');
  }
}

/** Unpacks the whole of what {@link SnappyStream} does. @throws CodedError ZK_SNAPSHOT_CORRUPT */
export function unpackSnappyStream(packed: Uint8Array): Uint8Array {
  const blocks: Uint8Array[] = [];
  let total = 0;
  const stream = new SnappyStream((block) => {
    blocks.push(block);
    total += block.length;
  });
  stream.push(packed);
  stream.end();
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

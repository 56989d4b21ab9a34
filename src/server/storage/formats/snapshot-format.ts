import { CodedError } from '../../../common/errors.ts';
import type { Zxid } from '../../../common/zxid.ts';
import { ADLER32_START, adler32 } from './adler32.ts';
import { viewOf } from './log-format.ts';

/*
 * A snapshot file, as ZooKeeper's FileSnap and SnapStream write and read it:
 *
 *   header   "ZKSN", int version 2, long -1
 *   body     sessions, ACLs, znodes, "/" (the database's business)
 *   seal     long Adler-32 of everything before, string "/"
 *   digest   long zxid, int digest version, long digest; seal        (since 3.6)
 *   zxid     long; seal                                              (since 3.9)
 *
 * Only a parser of the body knows where it ends. We look at the end of the file instead, where the four possible
 * trailers have four lengths, and every seal is the checksum of all before it, seals included.
 */

const SNAPSHOT_MAGIC = 0x5a4b534e;
const SNAPSHOT_VERSION = 2;
const DIGEST_VERSION = 2;
const UINT32 = 0x1_0000_0000;

const HEADER_BYTES = 16;
const SEAL_BYTES = 13;
const DIGEST_BYTES = 20;
const ZXID_BYTES = 8;

/** Longest first: a longer trailer's last seal also fits a shorter one. */
const TRAILERS = [
  { digest: true, zxid: true, bytes: 3 * SEAL_BYTES + DIGEST_BYTES + ZXID_BYTES },
  { digest: true, zxid: false, bytes: 2 * SEAL_BYTES + DIGEST_BYTES },
  { digest: false, zxid: true, bytes: 2 * SEAL_BYTES + ZXID_BYTES },
  { digest: false, zxid: false, bytes: SEAL_BYTES },
];
const TRAILER_BYTES_MAX = Math.max(...TRAILERS.map((trailer) => trailer.bytes));

/** What {@link SnapshotEncoder} puts around a body. */
export const SNAPSHOT_FRAME_BYTES: number = HEADER_BYTES + TRAILER_BYTES_MAX;

/** Wraps a body, chunk by chunk, into header and seals. */
export class SnapshotEncoder {
  #running = ADLER32_START;

  header(): Uint8Array {
    const bytes = new Uint8Array(HEADER_BYTES);
    const view = viewOf(bytes);
    view.setUint32(0, SNAPSHOT_MAGIC);
    view.setUint32(4, SNAPSHOT_VERSION);
    view.setBigInt64(8, -1n);
    return this.body(bytes);
  }

  /** The chunk itself, summed. */
  body(chunk: Uint8Array): Uint8Array {
    this.#running = adler32(chunk, this.#running);
    return chunk;
  }

  /**
   * What follows the body. Without a digest it holds the empty one (zxid 0): ZooKeeper reads the parts by position, so
   * none may be left out before the last.
   */
  trailer(zxid: Zxid, digest: bigint | undefined): Uint8Array {
    const bytes = new Uint8Array(TRAILER_BYTES_MAX);
    const view = viewOf(bytes);
    let at = this.#seal(bytes, view, 0, 0);
    const digestAt = at;
    setZxid(view, at, digest === undefined ? 0 : zxid);
    view.setUint32(at + 8, DIGEST_VERSION);
    view.setBigInt64(at + 12, BigInt.asIntN(64, digest ?? 0n));
    at = this.#seal(bytes, view, digestAt, at + DIGEST_BYTES);
    const zxidAt = at;
    setZxid(view, at, zxid);
    this.#seal(bytes, view, zxidAt, at + ZXID_BYTES);
    return bytes;
  }

  /** Sums what was written since `from`, and writes a seal at `at`; returns the offset behind it. */
  #seal(bytes: Uint8Array, view: DataView, from: number, at: number): number {
    this.#running = adler32(bytes.subarray(from, at), this.#running);
    view.setUint32(at + 4, this.#running);
    view.setUint32(at + 8, 1);
    bytes[at + 12] = 0x2f;
    this.#running = adler32(bytes.subarray(at, at + SEAL_BYTES), this.#running);
    return at + SEAL_BYTES;
  }
}

/** What the trailer of a whole snapshot says. */
export interface SnapshotTrailer {
  /** Digest version 2, signed, of the tree as it was at this zxid. */
  readonly digest: { readonly zxid: Zxid; readonly value: bigint } | undefined;
  /** The last zxid, where the file says it itself (since 3.9). */
  readonly zxid: Zxid | undefined;
}

/** Takes a snapshot file in pieces of any size, hands on the body, and checks the seals at the end. */
export class SnapshotDecoder {
  readonly #name: string;
  readonly #onBody: (bytes: Uint8Array) => void;
  #held = new Uint8Array(0);
  #running = ADLER32_START;
  #inBody = false;

  /** `name` is for error messages; `onBody` gets the body's bytes in order. */
  constructor(name: string, onBody: (bytes: Uint8Array) => void) {
    this.#name = name;
    this.#onBody = onBody;
  }

  /** @throws CodedError ZK_SNAPSHOT_CORRUPT where the header is not a snapshot's. */
  push(bytes: Uint8Array): void {
    const all = concatenate(this.#held, bytes);
    const ready = all.length - TRAILER_BYTES_MAX;
    if (ready < HEADER_BYTES) {
      this.#held = all;
      return;
    }
    this.#take(all.subarray(0, ready));
    this.#held = all.slice(ready);
  }

  /**
   * The file has ended.
   * @throws CodedError ZK_SNAPSHOT_CORRUPT where it is cut short or a seal does not fit.
   */
  end(): SnapshotTrailer {
    const held = this.#held;
    for (const trailer of TRAILERS) {
      const bodyBytes = held.length - trailer.bytes;
      if (bodyBytes < (this.#inBody ? 0 : HEADER_BYTES)) continue;
      if (!this.#sealsFit(held, bodyBytes, trailer)) continue;
      this.#take(held.subarray(0, bodyBytes));
      const view = viewOf(held);
      const zxid = trailer.zxid ? zxidAt(view, held.length - SEAL_BYTES - ZXID_BYTES) : undefined;
      const digest = trailer.digest ? digestOf(view, bodyBytes + SEAL_BYTES) : undefined;
      return { digest, zxid };
    }
    throw this.#corrupt('its checksum does not fit, or its end is missing');
  }

  #take(bytes: Uint8Array): void {
    this.#running = adler32(bytes, this.#running);
    let body = bytes;
    if (!this.#inBody) {
      const view = viewOf(bytes);
      if (view.getUint32(0) !== SNAPSHOT_MAGIC || view.getUint32(4) !== SNAPSHOT_VERSION) {
        throw this.#corrupt('it does not begin like a snapshot of version 2');
      }
      this.#inBody = true;
      body = bytes.subarray(HEADER_BYTES);
    }
    if (body.length > 0) this.#onBody(body);
  }

  #sealsFit(held: Uint8Array, bodyBytes: number, trailer: { digest: boolean; zxid: boolean }): boolean {
    const view = viewOf(held);
    let running = this.#running;
    let summed = 0;
    const sealFits = (at: number): boolean => {
      running = adler32(held.subarray(summed, at), running);
      summed = at;
      return (
        view.getUint32(at) === 0 &&
        view.getUint32(at + 4) === running &&
        view.getUint32(at + 8) === 1 &&
        held[at + 12] === 0x2f
      );
    };
    let at = bodyBytes;
    if (!sealFits(at)) return false;
    at += SEAL_BYTES;
    if (trailer.digest) {
      if (!sealFits(at + DIGEST_BYTES)) return false;
      at += DIGEST_BYTES + SEAL_BYTES;
    }
    return !trailer.zxid || sealFits(at + ZXID_BYTES);
  }

  #corrupt(why: string): CodedError {
    return new CodedError('ZK_SNAPSHOT_CORRUPT', `snapshot ${this.#name}: ${why}`);
  }
}

/** The digest of a snapshot at its zxid; one of another moment (ZooKeeper's snapshots are fuzzy) says nothing about the tree. */
export function digestAt({ digest }: SnapshotTrailer, zxid: Zxid): bigint | undefined {
  return digest?.zxid === zxid ? digest.value : undefined;
}

/** Undefined for the empty one, and for other versions. */
function digestOf(view: DataView, at: number): SnapshotTrailer['digest'] {
  const zxid = zxidAt(view, at);
  const version = view.getUint32(at + 8);
  return zxid > 0 && version === DIGEST_VERSION ? { zxid, value: view.getBigInt64(at + 12) } : undefined;
}

function zxidAt(view: DataView, at: number): Zxid {
  return view.getUint32(at) * UINT32 + view.getUint32(at + 4);
}

function setZxid(view: DataView, at: number, zxid: Zxid): void {
  view.setUint32(at, Math.floor(zxid / UINT32));
  view.setUint32(at + 4, zxid % UINT32);
}

function concatenate(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

import { unreachable } from '../../common/errors.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { SnapshotSource, StorageOperation } from './types.ts';

/*
 * What the main thread says to the log's worker through the ring: frames of a 16-byte header (payload length, type, and
 * a number of 53 bits) and a payload.
 */

export const FRAME_HEADER_BYTES = 16;

export const FrameType = {
  /** Recovery is done; number: the last zxid. */
  open: 1,
  /** Number: zxid; payload: the entry's bytes. */
  append: 2,
  acceptedEpoch: 3,
  currentEpoch: 4,
  truncate: 5,
  beginInstall: 6,
  installChunk: 7,
  /** Payload: the digest as a signed 64-bit integer, or nothing. */
  endInstall: 8,
  roll: 9,
  /** Number: the zxid of a snapshot that another worker has written. */
  publish: 10,
  /** A request ends here: complete it once all of it is durable. */
  end: 11,
  close: 12,
} as const;

export type FrameType = (typeof FrameType)[keyof typeof FrameType];

export interface Frame {
  readonly type: FrameType;
  readonly number: number;
  readonly payload: Uint8Array;
}

const NOTHING = new Uint8Array(0);
/** Small beside the ring, so that a snapshot's pieces leave room for what comes behind. */
const INSTALL_CHUNK_BYTES = 64 * 1024;

export function frame(type: FrameType, number = 0, payload: Uint8Array = NOTHING): Frame {
  return { type, number, payload };
}

export function encodeFrameHeader(view: DataView, { type, number, payload }: Frame): void {
  view.setUint32(0, payload.length);
  view.setUint32(4, type);
  view.setFloat64(8, number);
}

export function decodeFrameHeader(view: DataView): { length: number; type: number; number: number } {
  return { length: view.getUint32(0), type: view.getUint32(4), number: view.getFloat64(8) };
}

/** The frames of one request. Made as they are wanted: a snapshot is larger than the ring. */
export function* framesOf(operations: readonly StorageOperation[]): Generator<Frame> {
  for (const operation of operations) {
    switch (operation.type) {
      case 'append':
        for (const { zxid, bytes } of operation.entries) yield frame(FrameType.append, zxid, bytes);
        break;
      case 'acceptedEpoch':
      case 'currentEpoch':
        yield frame(FrameType[operation.type], operation.epoch);
        break;
      case 'truncate':
        yield frame(FrameType.truncate, operation.zxid);
        break;
      case 'installSnapshot':
        yield* installFrames(operation.source);
        break;
      default:
        unreachable(operation, 'storage operation');
    }
  }
  yield frame(FrameType.end);
}

function* installFrames(source: SnapshotSource): Generator<Frame> {
  const zxid: Zxid = source.zxid;
  yield frame(FrameType.beginInstall, zxid);
  for (let chunk = source.next(INSTALL_CHUNK_BYTES); chunk !== undefined; chunk = source.next(INSTALL_CHUNK_BYTES)) {
    yield frame(FrameType.installChunk, 0, chunk);
  }
  yield frame(FrameType.endInstall, zxid, encodeDigest(source.digest()));
}

function encodeDigest(digest: bigint | undefined): Uint8Array {
  if (digest === undefined) return NOTHING;
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt.asIntN(64, digest));
  return bytes;
}

export function decodeDigest(payload: Uint8Array): bigint | undefined {
  if (payload.length === 0) return undefined;
  return new DataView(payload.buffer, payload.byteOffset).getBigInt64(0);
}

import { assert } from '../../common/errors.ts';
import type { DatabaseSnapshot } from '../database/types.ts';
import { SNAPSHOT_FRAME_BYTES, SnapshotEncoder } from '../storage/formats/snapshot-format.ts';
import { BodyDigest } from './body-digest.ts';
import { BodyReader } from './body-reader.ts';

/** One piece: less than a millisecond of work, checksum and digest included. */
const PIECE_BYTES = 64 * 1024;

/** How long the file of {@link snapshotFile} will be. */
export function snapshotFileBytes(source: DatabaseSnapshot): number {
  return source.bodyBytes + SNAPSHOT_FRAME_BYTES;
}

/**
 * A snapshot as a file of ZooKeeper's, with checksum, digest and last zxid, piece by piece as it is asked for. The snapshot
 * is let go at the end, and also when the reader gives up.
 */
export function* snapshotFile(source: DatabaseSnapshot): Generator<Uint8Array, void, undefined> {
  const encoder = new SnapshotEncoder();
  const digest = new BodyDigest();
  const body = new BodyReader([digest]);
  let sent = 0;
  try {
    yield encoder.header();
    for (let piece = source.next(PIECE_BYTES); piece !== undefined; piece = source.next(PIECE_BYTES)) {
      body.push(piece);
      sent += piece.length;
      yield encoder.body(piece);
    }
    body.end();
    assert(sent === source.bodyBytes, `a snapshot of ${source.bodyBytes} bytes has become ${sent}`);
    yield encoder.trailer(source.zxid, digest.value);
  } finally {
    source.close();
  }
}

import { createGunzip, type Gunzip } from 'node:zlib';
import { CodedError } from '../common/errors.ts';
import { beginsLikeSnappy, SnappyStream } from '../server/storage/formats/snappy.ts';
import type { SnapshotPacking } from '../server/storage/formats/file-names.ts';

/** How many bytes of a file tell how it is packed. */
export const PACKING_MAGIC_BYTES = 2;

const UNPACKED_BYTES = 256 * 1024;
const GZIP_MAGIC = 0x1f8b;

/** Takes a file in pieces, and hands on what is packed in it. */
export interface Unpacker {
  /** Returns when all of the piece has been handed on. @throws what whoever takes it throws, or what is wrong with the packing */
  push(piece: Uint8Array): Promise<void>;
  /** The file has ended. */
  end(): Promise<void>;
}

/** How a file is packed that begins so. */
export function packingOf(beginning: Buffer): SnapshotPacking {
  if (beginning.length < PACKING_MAGIC_BYTES) return 'plain';
  if (beginning.readUInt16BE() === GZIP_MAGIC) return 'gzip';
  return beginsLikeSnappy(beginning) ? 'snappy' : 'plain';
}

/** @param take Gets what was packed, in order. */
export function unpackerOf(packing: SnapshotPacking, take: (unpacked: Uint8Array) => void): Unpacker {
  switch (packing) {
    case 'gzip':
      return new GzipUnpacker(take);
    case 'snappy': {
      const stream = new SnappyStream(take);
      return unpackerAtOnce(
        (piece) => stream.push(piece),
        () => stream.end(),
      );
    }
    case 'plain':
      return unpackerAtOnce(take, () => undefined);
  }
}

/** Of something that needs nobody else's thread. */
function unpackerAtOnce(push: (piece: Uint8Array) => void, end: () => void): Unpacker {
  return {
    push: async (piece) => await Promise.resolve(push(piece)),
    end: async () => await Promise.resolve(end()),
  };
}

/** One gzip, or several behind each other, and nothing else. */
class GzipUnpacker implements Unpacker {
  readonly #gunzip: Gunzip = createGunzip({ chunkSize: UNPACKED_BYTES });
  /** Until it has ended, whichever way. */
  readonly #closed: Promise<void>;
  #failure: Error | undefined;

  constructor(take: (unpacked: Uint8Array) => void) {
    this.#closed = new Promise((resolve) => this.#gunzip.once('close', resolve));
    this.#gunzip.on('error', (error) => (this.#failure ??= corrupt(error)));
    this.#gunzip.on('data', (unpacked: Buffer) => {
      if (this.#failure !== undefined) return;
      try {
        take(unpacked);
      } catch (error) {
        this.#failure = error instanceof Error ? error : new Error(String(error));
      }
    });
  }

  async push(piece: Uint8Array): Promise<void> {
    const gunzip = this.#gunzip;
    await new Promise<void>((resolve) => {
      // Called back once all of the piece is unpacked; never, where zlib finds that it cannot be, or ends before it.
      gunzip.once('close', resolve).once('end', resolve);
      gunzip.write(piece, () => {
        gunzip.off('close', resolve).off('end', resolve);
        resolve();
      });
    });
    // Its end has not been asked for yet.
    if (gunzip.readableEnded) this.#failure ??= corrupt('something that is no gzip follows its end');
    if (this.#failure !== undefined) throw this.#failure;
  }

  async end(): Promise<void> {
    this.#gunzip.end();
    await this.#closed;
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function corrupt(why: unknown): CodedError {
  return new CodedError('ZK_SNAPSHOT_CORRUPT', `it cannot be unpacked: ${String(why)}`, { cause: why });
}

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { basename } from 'node:path';
import { createGunzip, type Gunzip } from 'node:zlib';
import { CodedError } from '../common/errors.ts';
import type { Zxid } from '../common/zxid.ts';
import type { BodyVisitor } from '../server/backup/body-reader.ts';
import { SnapshotReading, type SnapshotSummary } from '../server/backup/snapshot-reading.ts';
import { snapshotFiles } from '../server/storage/formats/file-names.ts';

/** A sound snapshot file. */
export interface InspectedFile {
  readonly summary: SnapshotSummary;
  /** Of the file as it is, packed or not. */
  readonly bytes: number;
  readonly sha256: string;
  readonly packing: 'plain' | 'gzip';
}

const UNPACKED_BYTES = 256 * 1024;
const GZIP_MAGIC = 0x1f8b;

/**
 * Reads a snapshot file, plain or gzip, to its end and checks all of it.
 *
 * @param name What the file is called; snapshots from before ZooKeeper 3.9 have their zxid nowhere else.
 * @param visitor Hears of what is in it before it is known to be sound.
 * @throws CodedError ZK_SNAPSHOT_CORRUPT for one that is not whole or not sound.
 */
export async function inspect(
  stored: AsyncIterable<Uint8Array>,
  name: string,
  visitor?: BodyVisitor,
): Promise<InspectedFile> {
  const inspection = new FileInspection(name, visitor);
  for await (const piece of stored) await inspection.push(piece);
  return await inspection.end();
}

/**
 * The same pieces, looked at on their way: instead of the last moment of a file that is not sound there is an error, so that
 * whoever stores them does not take it for whole.
 *
 * @param accept Told what the file is, before its end; throws if it is not what was expected.
 */
export async function* soundOnly(
  pieces: AsyncIterable<Uint8Array>,
  name: string,
  accept: (inspected: InspectedFile) => void,
): AsyncGenerator<Uint8Array> {
  const inspection = new FileInspection(name);
  for await (const piece of pieces) {
    await inspection.push(piece);
    yield piece;
  }
  accept(await inspection.end());
}

/** A file in pieces of any size. */
class FileInspection {
  readonly #name: string;
  readonly #reading: SnapshotReading;
  readonly #hash = createHash('sha256');
  #bytes = 0;
  /** The first byte, until there is a second one: together they tell whether it is packed. */
  #beginning = Buffer.alloc(0);
  #packing: InspectedFile['packing'] | undefined;
  #gunzip: Gunzip | undefined;
  #failure: Error | undefined;

  constructor(name: string, visitor?: BodyVisitor) {
    this.#name = name;
    this.#reading = new SnapshotReading(name, zxidInName(name), visitor);
  }

  async push(piece: Uint8Array): Promise<void> {
    this.#hash.update(piece);
    this.#bytes += piece.length;
    if (this.#packing !== undefined) return await this.#read(piece);
    this.#beginning = Buffer.concat([this.#beginning, piece]);
    if (this.#beginning.length >= 2) await this.#begin(this.#beginning.readUInt16BE() === GZIP_MAGIC);
  }

  async end(): Promise<InspectedFile> {
    if (this.#packing === undefined) await this.#begin(false);
    try {
      const failure = this.#failure ?? this.#gunzip?.errored;
      if (failure instanceof Error) throw failure;
      if (this.#gunzip !== undefined) {
        const ended = once(this.#gunzip, 'end');
        this.#gunzip.end();
        await ended;
      }
      if (this.#failure !== undefined) throw this.#failure;
      const summary = this.#reading.end();
      return { summary, bytes: this.#bytes, sha256: this.#hash.digest('hex'), packing: this.#packing ?? 'plain' };
    } catch (error) {
      throw explained(error, this.#name);
    }
  }

  async #begin(isPacked: boolean): Promise<void> {
    this.#packing = isPacked ? 'gzip' : 'plain';
    if (isPacked) {
      this.#gunzip = createGunzip({ chunkSize: UNPACKED_BYTES });
      this.#gunzip.on('error', (error) => (this.#failure ??= error));
      this.#gunzip.on('data', (unpacked: Buffer) => this.#take(unpacked));
    }
    await this.#read(this.#beginning);
  }

  async #read(piece: Uint8Array): Promise<void> {
    const gunzip = this.#gunzip;
    if (gunzip === undefined) this.#take(piece);
    else {
      // Its callback comes once all of the piece is unpacked, or never will be.
      await new Promise<void>((resolve) => void gunzip.write(piece, () => resolve()));
    }
    if (this.#failure !== undefined) throw explained(this.#failure, this.#name);
  }

  #take(unpacked: Uint8Array): void {
    if (this.#failure !== undefined) return;
    try {
      this.#reading.push(unpacked);
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
  }
}

function zxidInName(file: string): Zxid | undefined {
  return snapshotFiles([basename(file)])[0]?.zxid;
}

function explained(error: unknown, name: string): unknown {
  if (error instanceof CodedError) {
    return new CodedError(error.code, `${name}: ${error.message}`, { cause: error });
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  // What zlib says of bytes that end too early or are no gzip.
  if (code.startsWith('Z_')) {
    return new CodedError('ZK_SNAPSHOT_CORRUPT', `${name} cannot be unpacked: ${String(error)}`, {
      cause: error,
    });
  }
  return error;
}

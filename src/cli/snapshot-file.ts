import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { CodedError } from '../common/errors.ts';
import type { Zxid } from '../common/zxid.ts';
import type { BodyVisitor } from '../server/backup/body-reader.ts';
import { SnapshotReading, type SnapshotSummary } from '../server/backup/snapshot-reading.ts';
import { snapshotFiles, type SnapshotPacking } from '../server/storage/formats/file-names.ts';
import { PACKING_MAGIC_BYTES, packingOf, unpackerOf, type Unpacker } from './unpacking.ts';

/** A sound snapshot file. */
export interface InspectedFile {
  readonly summary: SnapshotSummary;
  /** Of the file as it is, packed or not. */
  readonly bytes: number;
  readonly sha256: string;
  readonly packing: SnapshotPacking;
}

/**
 * Reads a snapshot file, packed or not, to its end and checks all of it.
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
  /** What has come before it can be told how it is packed. */
  #beginning = Buffer.alloc(0);
  #packing: SnapshotPacking = 'plain';
  #unpacker: Unpacker | undefined;

  constructor(name: string, visitor?: BodyVisitor) {
    this.#name = name;
    this.#reading = new SnapshotReading(name, zxidInName(name), visitor);
  }

  async push(piece: Uint8Array): Promise<void> {
    this.#hash.update(piece);
    this.#bytes += piece.length;
    if (this.#unpacker !== undefined) return await this.#told(this.#unpacker.push(piece));
    this.#beginning = Buffer.concat([this.#beginning, piece]);
    if (this.#beginning.length >= PACKING_MAGIC_BYTES) await this.#begin();
  }

  async end(): Promise<InspectedFile> {
    const unpacker = this.#unpacker ?? (await this.#begin());
    await this.#told(unpacker.end());
    const summary = await this.#told(Promise.try(() => this.#reading.end()));
    return { summary, bytes: this.#bytes, sha256: this.#hash.digest('hex'), packing: this.#packing };
  }

  async #begin(): Promise<Unpacker> {
    this.#packing = packingOf(this.#beginning);
    this.#unpacker = unpackerOf(this.#packing, (unpacked) => this.#reading.push(unpacked));
    await this.#told(this.#unpacker.push(this.#beginning));
    return this.#unpacker;
  }

  /** What goes wrong says in which file. */
  async #told<T>(doing: Promise<T>): Promise<T> {
    try {
      return await doing;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      throw new CodedError(error.code, `${this.#name}: ${error.message}`, { cause: error });
    }
  }
}

function zxidInName(file: string): Zxid | undefined {
  return snapshotFiles([basename(file)])[0]?.zxid;
}

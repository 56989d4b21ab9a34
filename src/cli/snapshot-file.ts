import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { createGunzip } from 'node:zlib';
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

const READ_BYTES = 256 * 1024;

/**
 * Reads a snapshot file, plain or gzip, to its end and checks all of it.
 * @param name What the file is called, where it has another name for now.
 * @param visitor Hears of what is in it before it is known to be sound.
 * @throws CodedError ZK_SNAPSHOT_CORRUPT for one that is not whole or not sound.
 */
export async function inspectFile(file: string, name = file, visitor?: BodyVisitor): Promise<InspectedFile> {
  try {
    const packing = (await isGzip(file)) ? 'gzip' : 'plain';
    const hash = createHash('sha256');
    let bytes = 0;
    const stored = createReadStream(file, { highWaterMark: READ_BYTES });
    stored.on('data', (chunk) => {
      hash.update(chunk);
      bytes += chunk.length;
    });
    const reading = new SnapshotReading(name, zxidInName(name), visitor);
    for await (const chunk of packing === 'gzip' ? unpacked(stored) : stored) reading.push(chunk as Uint8Array);
    const summary = reading.end();
    return { summary, bytes, sha256: hash.digest('hex'), packing };
  } catch (error) {
    throw explained(error, name);
  }
}

function unpacked(stored: NodeJS.ReadableStream): AsyncIterable<unknown> {
  const gunzip = createGunzip({ chunkSize: READ_BYTES });
  stored.on('error', (error) => gunzip.destroy(error));
  return stored.pipe(gunzip);
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.readUInt16BE() === GZIP_MAGIC;
  } finally {
    await handle.close();
  }
}

const GZIP_MAGIC = 0x1f8b;

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

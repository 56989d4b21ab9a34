import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  readdirSync,
  renameSync,
  statSync,
  rmSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CodedError } from '../../common/errors.ts';
import type { Disk, DiskFile } from './types.ts';

/** A real directory. Every call blocks: it belongs into a worker thread, or before the event loop has work. */
export class NodeDisk implements Disk {
  readonly #directory: string;

  /** Creates the directory where it does not exist; its name is durable afterwards, whoever created it. */
  static create(directory: string): NodeDisk {
    const path = resolve(directory);
    guard('create directory', path, () => {
      const firstCreated = resolve(mkdirSync(path, { recursive: true }) ?? path);
      for (let at = path; at.length >= firstCreated.length; at = dirname(at)) syncDirectory(dirname(at));
    });
    return new NodeDisk(path);
  }

  /** @param directory One that is there. */
  constructor(directory: string) {
    this.#directory = resolve(directory);
  }

  list(): readonly string[] {
    return guard('list', this.#directory, () => readdirSync(this.#directory));
  }

  exists(name: string): boolean {
    const path = this.#path(name);
    // Not existsSync, which says no as well where the disk refuses: an epoch that was promised would be taken for none.
    return guard('stat', path, () => statSync(path, { throwIfNoEntry: false }) !== undefined);
  }

  read(name: string, offset: number, length: number): Uint8Array {
    const path = this.#path(name);
    return guard('read', path, () => {
      const file = openSync(path, 'r');
      try {
        const bytes = new Uint8Array(Math.max(0, Math.min(length, fstatSync(file).size - offset)));
        let read = 0;
        while (read < bytes.length) {
          const count = readSync(file, bytes, read, bytes.length - read, offset + read);
          if (count === 0) break;
          read += count;
        }
        return bytes.subarray(0, read);
      } finally {
        closeSync(file);
      }
    });
  }

  size(name: string): number {
    const path = this.#path(name);
    return guard('stat', path, () => statSync(path).size);
  }

  open(name: string): DiskFile {
    const path = this.#path(name);
    return new NodeFile(
      path,
      guard('open', path, () => openSync(path, constants.O_RDWR | constants.O_CREAT, 0o640)),
    );
  }

  rename(from: string, to: string): void {
    guard('rename', this.#path(from), () => renameSync(this.#path(from), this.#path(to)));
  }

  remove(name: string): void {
    // Of a snapshot that is given up, its worker and a recovery may both do it.
    guard('remove', this.#path(name), () => rmSync(this.#path(name), { force: true }));
  }

  syncDirectory(): void {
    guard('sync directory', this.#directory, () => syncDirectory(this.#directory));
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

class NodeFile implements DiskFile {
  readonly #path: string;
  readonly #file: number;

  constructor(path: string, file: number) {
    this.#path = path;
    this.#file = file;
  }

  write(offset: number, parts: readonly Uint8Array[]): void {
    guard('write', this.#path, () => {
      const total = parts.reduce((sum, part) => sum + part.length, 0);
      const written = writevSync(this.#file, parts, offset);
      if (written < total) this.#writeRest(offset, parts, written);
    });
  }

  sync(): void {
    guard('sync', this.#path, () => fdatasyncSync(this.#file));
  }

  truncate(size: number): void {
    guard('truncate', this.#path, () => ftruncateSync(this.#file, size));
  }

  close(): void {
    guard('close', this.#path, () => closeSync(this.#file));
  }

  /** The system may write less than it was given; the next attempt says why (usually: no space left). */
  #writeRest(offset: number, parts: readonly Uint8Array[], alreadyWritten: number): void {
    const rest = Buffer.concat(parts).subarray(alreadyWritten);
    for (let at = 0; at < rest.length;) {
      at += writeSync(this.#file, rest, at, rest.length - at, offset + alreadyWritten + at);
    }
  }
}

function syncDirectory(directory: string): void {
  const file = openSync(directory, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

const WHAT_TO_DO: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'free space on the volume or enlarge it, then start again'],
  ['EDQUOT', "raise the quota of the server's user, then start again"],
  ['EACCES', "give the directory to the server's user"],
  ['EPERM', "give the directory to the server's user"],
  ['EROFS', 'mount the volume writable; the system remounts it read-only after an error of the disk'],
  ['EIO', 'the disk is failing: replace it and let this member synchronize from the leader'],
]);

function guard<T>(what: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    const advice = WHAT_TO_DO.get(code) ?? 'check the volume';
    throw new CodedError('ZK_STORAGE_FAILED', `cannot ${what} ${path}: ${code}; ${advice}`, { cause });
  }
}

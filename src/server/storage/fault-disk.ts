import { CodedError } from '../../common/errors.ts';
import type { Random } from '../../common/types.ts';
import type { Disk, DiskFile } from './types.ts';

const SECTOR_BYTES = 512;

/** Thrown out of a {@link FaultDisk} at the operation where the machine stops. Not a CodedError: nobody may handle it. */
export class SimulatedCrash extends Error {}

/** What is to go wrong: asked before every operation that changes the disk, `number` counts them from 1. */
export type FaultPlan = (number: number, what: string) => 'go' | 'crash' | 'fail';

interface FileState {
  /** What the disk has for certain. */
  durable: Uint8Array;
  /** What readers see. */
  current: Uint8Array;
  /** Changes since the last sync, in order. */
  pending: Change[];
}

type Change = { readonly offset: number; readonly bytes: Uint8Array } | { readonly size: number };

type DirectoryChange =
  | { readonly type: 'create'; readonly name: string; readonly file: FileState }
  | { readonly type: 'rename'; readonly from: string; readonly to: string }
  | { readonly type: 'remove'; readonly name: string };

/**
 * A directory in memory that behaves like the worst disk that POSIX allows: what was not synced survives a crash of the
 * machine in any part (any sectors of any write, any of the changes to the directory), and a kill of the process
 * loses nothing but what was not written. Deterministic for a given Random.
 */
export class FaultDisk implements Disk {
  /** Asked before every change. */
  plan: FaultPlan = () => 'go';
  /** Changes asked for so far. */
  operations = 0;
  #durable = new Map<string, FileState>();
  #current = new Map<string, FileState>();
  #pending: DirectoryChange[] = [];

  list(): readonly string[] {
    return [...this.#current.keys()];
  }

  exists(name: string): boolean {
    return this.#current.has(name);
  }

  read(name: string, offset: number, length: number): Uint8Array {
    return this.#file(name).current.slice(offset, offset + length);
  }

  size(name: string): number {
    return this.#file(name).current.length;
  }

  open(name: string): DiskFile {
    let file = this.#current.get(name);
    if (file === undefined) {
      file = { durable: new Uint8Array(0), current: new Uint8Array(0), pending: [] };
      const change: DirectoryChange = { type: 'create', name, file };
      this.#change(`create ${name}`, () => this.#changeDirectory(change));
    }
    return this.#opened(name, file);
  }

  rename(from: string, to: string): void {
    this.#file(from);
    this.#change(`rename ${from} ${to}`, () => this.#changeDirectory({ type: 'rename', from, to }));
  }

  remove(name: string): void {
    this.#file(name);
    this.#change(`remove ${name}`, () => this.#changeDirectory({ type: 'remove', name }));
  }

  syncDirectory(): void {
    this.#change('sync directory', () => {
      this.#durable = new Map(this.#current);
      this.#pending = [];
    });
  }

  /** The machine stops and starts again: what was not synced survives in part. */
  crash(random: Random): void {
    const survivors = new Map(this.#durable);
    // Most file systems keep the order of changes to a directory; POSIX does not ask for it.
    const kept = Math.floor(random.next() * (this.#pending.length + 1));
    const ordered = random.next() < 0.5;
    for (const [index, change] of this.#pending.entries()) {
      if (ordered ? index < kept : random.next() < 0.5) applyToDirectory(survivors, change);
    }
    for (const file of new Set(survivors.values())) surviveCrash(file, random);
    this.#durable = survivors;
    this.#current = new Map(survivors);
    this.#pending = [];
  }

  #opened(name: string, file: FileState): DiskFile {
    const apply = (change: Change): void => {
      file.current = applyChange(file.current, change);
      file.pending.push(change);
    };
    return {
      write: (offset, parts) => {
        const bytes = concatenate(parts);
        this.#change(
          `write ${name}`,
          () => apply({ offset, bytes }),
          () => {
            // A kill in the middle of a write leaves its beginning.
            apply({ offset, bytes: bytes.subarray(0, Math.floor(bytes.length / 2)) });
          },
        );
      },
      sync: () =>
        this.#change(`sync ${name}`, () => {
          for (const each of file.pending) file.durable = applyChange(file.durable, each);
          file.pending = [];
        }),
      truncate: (size) => this.#change(`truncate ${name}`, () => apply({ size })),
      close: () => undefined,
    };
  }

  #file(name: string): FileState {
    const file = this.#current.get(name);
    if (file === undefined) throw new CodedError('ZK_STORAGE_FAILED', `no file ${name}`);
    return file;
  }

  #changeDirectory(change: DirectoryChange): void {
    applyToDirectory(this.#current, change);
    this.#pending.push(change);
  }

  #change(what: string, action: () => void, half: () => void = () => undefined): void {
    this.operations++;
    const fault = this.plan(this.operations, what);
    if (fault === 'go') {
      action();
      return;
    }
    half();
    if (fault === 'crash') throw new SimulatedCrash(`crash at operation ${this.operations}: ${what}`);
    throw new CodedError('ZK_STORAGE_FAILED', `${what}: simulated failure`);
  }
}

function applyToDirectory(directory: Map<string, FileState>, change: DirectoryChange): void {
  if (change.type === 'create') {
    directory.set(change.name, change.file);
  } else if (change.type === 'remove') {
    directory.delete(change.name);
  } else {
    const file = directory.get(change.from);
    // The file's own creation may not have survived.
    if (file === undefined) return;
    directory.delete(change.from);
    directory.set(change.to, file);
  }
}

function surviveCrash(file: FileState, random: Random): void {
  let bytes = file.durable;
  const mode = random.next();
  const keptChanges = Math.floor(random.next() * (file.pending.length + 1));
  for (const [index, change] of file.pending.entries()) {
    if (mode < 0.25 ? index >= keptChanges : random.next() < 0.3) continue;
    if ('size' in change) bytes = applyChange(bytes, change);
    else for (const sector of sectorsOf(change)) if (random.next() < 0.6) bytes = applyChange(bytes, sector);
  }
  file.durable = bytes;
  file.current = bytes.slice();
  file.pending = [];
}

function sectorsOf(change: { offset: number; bytes: Uint8Array }): { offset: number; bytes: Uint8Array }[] {
  const sectors: { offset: number; bytes: Uint8Array }[] = [];
  const end = change.offset + change.bytes.length;
  for (let at = change.offset; at < end;) {
    const next = Math.min(end, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES);
    sectors.push({ offset: at, bytes: change.bytes.subarray(at - change.offset, next - change.offset) });
    at = next;
  }
  return sectors;
}

/** The bytes after a change: the same memory where it has room, since a log is written in many small pieces. */
function applyChange(bytes: Uint8Array, change: Change): Uint8Array {
  const size = 'size' in change ? change.size : Math.max(bytes.length, change.offset + change.bytes.length);
  const result = resized(bytes, size);
  if ('offset' in change) result.set(change.bytes, change.offset);
  return result;
}

function resized(bytes: Uint8Array, size: number): Uint8Array {
  if (size === bytes.length) return bytes;
  if (size > bytes.buffer.byteLength) {
    const larger = new Uint8Array(Math.max(size, bytes.length * 2));
    larger.set(bytes);
    return larger.subarray(0, size);
  }
  // What is cut off reads as zeros if the file grows again.
  if (size < bytes.length) bytes.fill(0, size);
  return new Uint8Array(bytes.buffer, 0, size);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Makes a file's content, or a directory's names, durable. */
export function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Makes a directory, and those that it is in, if they are not there; durably. */
export function makeDirectory(path: string): void {
  const made = resolve(path);
  const first = mkdirSync(made, { recursive: true });
  if (first === undefined) return;
  for (let parent = dirname(made); parent.length >= dirname(first).length; parent = dirname(parent)) {
    sync(parent);
    if (parent === dirname(parent)) return;
  }
}

const BUFFER_BYTES = 256 * 1024;

/** A new file that small writes are gathered for. */
export class BufferedFile {
  readonly #file: number;
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);
  #used = 0;

  constructor(path: string, mode: number) {
    this.#file = openSync(path, 'wx', mode);
  }

  write(bytes: Uint8Array): void {
    if (this.#used + bytes.length > BUFFER_BYTES) this.#flush();
    if (bytes.length > BUFFER_BYTES) {
      writeAll(this.#file, bytes);
    } else {
      this.#buffer.set(bytes, this.#used);
      this.#used += bytes.length;
    }
  }

  /** All of it is durable when it returns; its name is not yet. */
  finish(): void {
    this.#flush();
    fsyncSync(this.#file);
  }

  /** Without {@link finish}, some of it may be missing. */
  close(): void {
    closeSync(this.#file);
  }

  #flush(): void {
    writeAll(this.#file, this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}

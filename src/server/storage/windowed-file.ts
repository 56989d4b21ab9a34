import type { Disk } from './types.ts';

const WINDOW_BYTES = 1024 * 1024;

/** Random reads from a file through one window of a megabyte, so that reading records one by one costs few reads. */
export class WindowedFile {
  readonly size: number;
  readonly #disk: Disk;
  readonly #name: string;
  #window: Uint8Array = new Uint8Array(0);
  #start = 0;

  constructor(disk: Disk, name: string) {
    this.#disk = disk;
    this.#name = name;
    this.size = disk.size(name);
  }

  /** A view that may be kept but not changed; shorter than asked for at the end of the file. */
  read(offset: number, length: number): Uint8Array {
    const available = Math.max(0, Math.min(length, this.size - offset));
    if (available === 0) return new Uint8Array(0);
    const from = offset - this.#start;
    if (from < 0 || from + available > this.#window.length) {
      this.#window = this.#disk.read(this.#name, offset, Math.max(available, WINDOW_BYTES));
      this.#start = offset;
      return this.#window.subarray(0, available);
    }
    return this.#window.subarray(from, from + available);
  }
}

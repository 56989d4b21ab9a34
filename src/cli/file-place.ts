import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, link, mkdir, open, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CodedError } from '../common/errors.ts';
import { sync } from './durable.ts';
import type { Check, Place } from './place.ts';
import type { InspectedFile } from './snapshot-file.ts';

const READ_BYTES = 256 * 1024;

/** A file. It gets its name when it is whole, durable, read back and found sound. */
export class FilePlace implements Place {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  async store(pieces: AsyncIterable<Uint8Array>, check: Check): Promise<InspectedFile> {
    const partial = `${this.name}.partial-${randomBytes(4).toString('hex')}`;
    await mkdir(dirname(this.name), { recursive: true });
    try {
      const handle = await open(partial, 'wx', 0o600);
      try {
        await pipeline(pieces, handle.createWriteStream());
      } finally {
        await handle.close();
      }
      await sync(partial);
      const inspected = await check(reading(partial));
      await this.#publish(partial);
      return inspected;
    } finally {
      await rm(partial, { force: true });
    }
  }

  async exists(): Promise<boolean> {
    try {
      await access(this.name);
      return true;
    } catch {
      return false;
    }
  }

  read(): AsyncIterable<Uint8Array> {
    return reading(this.name);
  }

  /** The file itself says all of it, to whoever inspects it. */
  describe(): Promise<void> {
    return Promise.resolve();
  }

  async removeRemains(): Promise<void> {
    const directory = dirname(this.name);
    await mkdir(directory, { recursive: true });
    const names = await readdir(directory);
    const remains = names.filter((name) => name.startsWith(`${basename(this.name)}.partial-`));
    await Promise.all(remains.map((name) => rm(join(directory, name), { force: true })));
  }

  async remove(): Promise<void> {
    await this.removeRemains();
    await rm(this.name, { force: true });
    await sync(dirname(this.name));
  }

  /** Gives the file its name unless somebody has it: a rename would replace. */
  async #publish(partial: string): Promise<void> {
    try {
      await link(partial, this.name);
    } catch (error) {
      const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
      throw new CodedError(
        'ZK_BACKUP_FAILED',
        exists ? `${this.name} exists and is left as it is: give another name` : String(error),
        { cause: error },
      );
    }
    await sync(dirname(this.name));
  }
}

function reading(file: string): AsyncIterable<Uint8Array> {
  return createReadStream(file, { highWaterMark: READ_BYTES }) as AsyncIterable<Uint8Array>;
}

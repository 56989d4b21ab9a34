import { randomBytes } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { link, lstat, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CodedError } from '../common/errors.ts';
import { diskAdvice } from './disk-advice.ts';
import { makeDirectory, sync } from './durable.ts';
import type { Check, Place } from './place.ts';
import type { InspectedFile } from './snapshot-file.ts';

const READ_BYTES = 256 * 1024;

/** Between a name and the eight hexadecimal digits of an attempt that has not got it yet. */
const PARTIAL = '.partial-';

/** A file. It gets its name when it is whole, durable, read back and found sound. */
export class FilePlace implements Place {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  async store(pieces: AsyncIterable<Uint8Array>, check: Check): Promise<InspectedFile> {
    const partial = `${this.name}${PARTIAL}${randomBytes(4).toString('hex')}`;
    try {
      if (await this.exists()) throw this.#taken();
      makeDirectory(dirname(this.name));
      const handle = await open(partial, 'wx', 0o600);
      try {
        await pipeline(pieces, handle.createWriteStream());
        sync(partial);
        const inspected = await check(reading(partial));
        await this.#publish(partial);
        return inspected;
      } finally {
        await handle.close();
        await rm(partial, { force: true });
      }
    } catch (error) {
      if (error instanceof CodedError) throw error;
      const advice = diskAdvice(codeOf(error), 'make room there, or store it elsewhere');
      const why = error instanceof Error ? error.message : String(error);
      throw failed(`storing ${this.name}: ${why}${advice === undefined ? '' : `: ${advice}`}`, error);
    }
  }

  async exists(): Promise<boolean> {
    try {
      await lstat(this.name);
      return true;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      throw error;
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
    if (!existsSync(directory)) return;
    const beginning = `${basename(this.name)}${PARTIAL}`;
    const remains = (await readdir(directory)).filter(
      (name) => name.startsWith(beginning) && /^[0-9a-f]{8}$/.test(name.slice(beginning.length)),
    );
    await Promise.all(remains.map((name) => rm(join(directory, name), { force: true })));
  }

  async remove(): Promise<void> {
    await this.removeRemains();
    await rm(this.name, { force: true });
    if (existsSync(dirname(this.name))) sync(dirname(this.name));
  }

  /** Gives the file its name unless somebody has it: a rename would replace. */
  async #publish(partial: string): Promise<void> {
    try {
      await link(partial, this.name);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EEXIST') throw this.#taken(error);
      if (!WITHOUT_LINKS.has(code)) throw error;
      // Some file systems, of Windows' servers for instance, have no second names: there, it is looked at a moment before.
      if (await this.exists()) throw this.#taken(error);
      await rename(partial, this.name);
    }
    sync(dirname(this.name));
  }

  #taken(cause?: unknown): CodedError {
    return failed(`${this.name} exists and is left as it is: give another name`, cause);
  }
}

/** What `link` says where there are no hard links. */
const WITHOUT_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function failed(message: string, cause?: unknown): CodedError {
  return new CodedError('ZK_BACKUP_FAILED', message, { cause });
}

async function* reading(file: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of createReadStream(file, { highWaterMark: READ_BYTES })) yield piece as Uint8Array;
  } catch (error) {
    throw failed(`reading ${file}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  type GetObjectCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { CodedError } from '../common/errors.ts';
import type { Check, Place, S3Options } from './place.ts';
import type { InspectedFile } from './snapshot-file.ts';
import { nameOf, NO_S3, s3Trouble, statusOf } from './s3-advice.ts';
import { s3Client } from './s3-client.ts';
import { NOT_IMPLEMENTED } from './s3-writes.ts';

/**
 * Bytes of a part, as few as the protocol allows; at most 10,000 make an object, which then has up to 52 GB. While parts are on their
 * way nothing is taken from the member, and it does not wait for more than a minute: at 175 kB/s two parts are sent in that time.
 */
const PART_BYTES = 5 * 1024 * 1024;

/** Parts on their way at the same time, all of them in memory. */
const PARTS_AT_ONCE = 2;

/** How often a reading that breaks off goes on, if nothing more comes of it. */
const READS_IN_VAIN = 5;

/** An object of a server with the S3 protocol, with a description beside it that is written when it has been read back. */
export class S3Place implements Place {
  readonly name: string;
  readonly #object: { readonly Bucket: string; readonly Key: string };
  readonly #client: S3Client;
  readonly #signal: AbortSignal | undefined;
  /** The host name begins with the bucket, on somebody's own server. */
  readonly #bucketIsHost: boolean;

  /** @param signal Aborted by somebody who wants an end to whatever is done here. */
  constructor(name: string, bucket: string, key: string, options: S3Options, signal?: AbortSignal) {
    this.name = name;
    this.#object = { Bucket: bucket, Key: key };
    this.#client = s3Client(options, signal);
    this.#signal = signal;
    this.#bucketIsHost = options.endpoint !== undefined && !options.pathStyle;
  }

  async store(pieces: AsyncIterable<Uint8Array>, check: Check): Promise<InspectedFile> {
    if (await this.exists()) throw this.#taken();
    const isNew = await this.#asked('storing', () => this.#upload(Readable.from(pieces, { objectMode: false })));
    try {
      return await check(this.read());
    } catch (error) {
      if (!isNew && this.#signal?.aborted !== true) throw this.#taken();
      // It is the one that was stored a moment ago, under a name that was free.
      if (error instanceof CodedError && error.code === 'ZK_SNAPSHOT_CORRUPT') await this.remove();
      throw error;
    }
  }

  async exists(): Promise<boolean> {
    return await this.#asked('looking for', async () => {
      try {
        // And not HEAD, which says not in words what is wrong.
        const answer = await this.#client.send(new GetObjectCommand({ ...this.#object, Range: 'bytes=0-0' }));
        (answer.Body as Readable).destroy();
        this.#checkForPage(answer);
        return true;
      } catch (error) {
        if (statusOf(error) === EMPTY) return true;
        if (isNoObject(error)) return false;
        throw error;
      }
    });
  }

  /** Goes on where an answer broke off, as a large one does now and then. */
  async *read(): AsyncGenerator<Uint8Array> {
    let tag: string | undefined;
    for (let at = 0, inVain = 0; ;) {
      const answer = await this.#asked('reading', async () => await this.#readFrom(at, tag));
      tag ??= answer.ETag;
      try {
        for await (const piece of answer.Body as Readable) {
          const bytes = piece as Uint8Array;
          at += bytes.length;
          inVain = 0;
          yield bytes;
        }
        return;
      } catch (error) {
        // Without a tag there would be no telling whether it is still the same object.
        if (tag === undefined || this.#signal?.aborted === true || ++inVain > READS_IN_VAIN) {
          throw this.#failed('reading', error);
        }
      }
    }
  }

  async describe(fields: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#asked('describing', async () => {
      // Bytes, which a checksum goes with.
      const Body = Buffer.from(`${JSON.stringify(fields, undefined, 2)}\n`);
      await this.#client.send(new PutObjectCommand({ ...this.#description, Body, ContentType: 'application/json' }));
    });
  }

  /** Uploads that nobody will complete are not to be seen, but they are paid for. */
  async removeRemains(): Promise<void> {
    const { Bucket, Key } = this.#object;
    await this.#asked('tidying up for', async () => {
      for (const { Key: key, UploadId } of await this.#uploads()) {
        if (key === Key) await gone(this.#client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId })));
      }
    });
  }

  async remove(): Promise<void> {
    await this.removeRemains();
    await this.#asked('removing', async () => {
      // What is left if this ends halfway is an object that nobody takes for a backup.
      await gone(this.#client.send(new DeleteObjectCommand(this.#description)));
      await gone(this.#client.send(new DeleteObjectCommand(this.#object)));
    });
  }

  /** @returns false if the name is not free any more. */
  async #upload(body: Readable): Promise<boolean> {
    try {
      // Aborts the upload if anything goes wrong; until it is completed no object is to be seen.
      await new Upload({
        client: this.#client,
        params: { ...this.#object, Body: body, ContentType: 'application/octet-stream', IfNoneMatch: '*' },
        partSize: PART_BYTES,
        queueSize: PARTS_AT_ONCE,
      }).done();
      return true;
    } catch (error) {
      // Where an answer was lost and the library has asked again, it is this very upload that has the name: some servers say that
      // it is taken, others that they know no such upload any more.
      if (statusOf(error) === TAKEN) return false;
      if (nameOf(error) === NO_UPLOAD && (await this.exists())) return false;
      throw error;
    }
  }

  async #readFrom(at: number, tag: string | undefined): Promise<GetObjectCommandOutput> {
    const rest = at === 0 ? {} : { Range: `bytes=${at}-`, IfMatch: tag };
    const answer = await this.#client.send(new GetObjectCommand({ ...this.#object, ...rest }));
    this.#checkForPage(answer);
    if (at === 0 || answer.ContentRange?.startsWith(`bytes ${at}-`) === true) return answer;
    throw failed(`reading ${this.name}: it broke off after ${at} bytes, and the S3 server gives no rest: try again`);
  }

  /** What the console of many an S3 server answers, whatever it is asked for. */
  #checkForPage({ ContentType = '' }: GetObjectCommandOutput): void {
    if (ContentType.startsWith('text/html')) throw failed(`${this.name} would be a page for people: ${NO_S3}`);
  }

  async #uploads() {
    const { Bucket, Key } = this.#object;
    try {
      const { Uploads = [] } = await this.#client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: Key }));
      return Uploads;
    } catch (error) {
      // Some servers cannot tell; a backup is possible all the same.
      if (statusOf(error) === NOT_IMPLEMENTED) return [];
      throw error;
    }
  }

  get #description(): { readonly Bucket: string; readonly Key: string } {
    const { Bucket, Key } = this.#object;
    return { Bucket, Key: `${Key}.json` };
  }

  async #asked<T>(doing: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw this.#failed(doing, error);
    }
  }

  #failed(doing: string, error: unknown): CodedError {
    if (error instanceof CodedError) return error;
    const reason: unknown = this.#signal?.reason;
    if (reason instanceof CodedError) return reason;
    return failed(`${doing} ${this.name}: ${s3Trouble(error, this.#bucketIsHost)}`, error);
  }

  #taken(): CodedError {
    return failed(`${this.name} exists and is left as it is: give another name`);
  }
}

/** HTTP statuses: no such object; it exists or has changed; there is none of the bytes that were asked for. */
const [MISSING, TAKEN, EMPTY] = [404, 412, 416];

/** How a 404 is named that is about the object, or about nothing in particular; a bucket, or a user, may be missing as well. */
const NO_OBJECT: ReadonlySet<string> = new Set(['NoSuchKey', 'NotFound', 'Unknown', 'UnknownError']);

/** How the end of an upload is named that somebody else, or a lost answer, has ended before. */
const NO_UPLOAD = 'NoSuchUpload';

function isNoObject(error: unknown): boolean {
  return statusOf(error) === MISSING && NO_OBJECT.has(nameOf(error));
}

/** Removes what may not be there: some servers, Google's for instance, then say that it is not. */
async function gone(removal: Promise<unknown>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (!isNoObject(error) && nameOf(error) !== NO_UPLOAD) throw error;
  }
}

function failed(message: string, cause?: unknown): CodedError {
  return new CodedError('ZK_BACKUP_FAILED', message, { cause });
}

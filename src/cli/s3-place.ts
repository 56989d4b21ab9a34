import { Agent } from 'node:https';
import { rootCertificates } from 'node:tls';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { CodedError } from '../common/errors.ts';
import type { Check, Place, S3Options } from './place.ts';
import type { InspectedFile } from './snapshot-file.ts';
import { NO_CREDENTIALS, s3Advice } from './s3-advice.ts';
import { writeCarefully } from './s3-writes.ts';
import { tlsAdvice } from './tls-advice.ts';

/**
 * Bytes of a part, as few as the protocol allows; at most 10,000 make an object, which then has up to 52 GB. While parts are on their
 * way nothing is taken from the member, and it does not wait for more than a minute: at 175 kB/s two parts are sent in that time.
 */
const PART_BYTES = 5 * 1024 * 1024;

/** Parts on their way at the same time, all of them in memory. */
const PARTS_AT_ONCE = 2;

/** How often one thing is asked. */
const ATTEMPTS = 6;

/** How long a connection may take to be made, and to say nothing, in milliseconds. */
const TIMEOUT = { connectionTimeout: 10_000, socketTimeout: 60_000 };

/** An object of a server with the S3 protocol, with a description beside it that is written when it has been read back. */
export class S3Place implements Place {
  readonly name: string;
  readonly #object: { readonly Bucket: string; readonly Key: string };
  readonly #client: S3Client;
  /** The host name begins with the bucket, on somebody's own server. */
  readonly #bucketIsHost: boolean;

  constructor(name: string, bucket: string, key: string, options: S3Options) {
    this.name = name;
    this.#object = { Bucket: bucket, Key: key };
    this.#client = new S3Client(configuration(options));
    this.#bucketIsHost = options.endpoint !== undefined && !options.pathStyle;
    writeCarefully(this.#client);
  }

  async store(pieces: AsyncIterable<Uint8Array>, check: Check): Promise<InspectedFile> {
    if (await this.exists()) throw this.#taken();
    const isNew = await this.#asked('storing', () => this.#upload(Readable.from(pieces, { objectMode: false })));
    try {
      return await check(this.read());
    } catch (error) {
      if (!isNew) throw this.#taken();
      // It is the one that was stored a moment ago, under a name that was free.
      if (error instanceof CodedError && error.code === 'ZK_SNAPSHOT_CORRUPT') await this.remove();
      throw error;
    }
  }

  async exists(): Promise<boolean> {
    return await this.#asked('looking for', async () => {
      try {
        // And not HEAD, which says not in words what is wrong.
        const { Body } = await this.#client.send(new GetObjectCommand({ ...this.#object, Range: 'bytes=0-0' }));
        (Body as Readable).destroy();
        return true;
      } catch (error) {
        const status = statusOf(error);
        if (status === EMPTY) return true;
        if (status === MISSING && NO_OBJECT.has(nameOf(error))) return false;
        throw error;
      }
    });
  }

  async *read(): AsyncGenerator<Uint8Array> {
    const body = await this.#asked('reading', async () => {
      const { Body } = await this.#client.send(new GetObjectCommand(this.#object));
      return Body as Readable;
    });
    try {
      for await (const piece of body) yield piece as Uint8Array;
    } catch (error) {
      throw this.#failed('reading', error);
    }
  }

  async describe(fields: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#asked('describing', async () => {
      const Body = `${JSON.stringify(fields, undefined, 2)}\n`;
      await this.#client.send(new PutObjectCommand({ ...this.#description, Body, ContentType: 'application/json' }));
    });
  }

  /** Uploads that nobody will complete are not to be seen, but they are paid for. */
  async removeRemains(): Promise<void> {
    const { Bucket, Key } = this.#object;
    await this.#asked('tidying up for', async () => {
      const { Uploads = [] } = await this.#client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: Key }));
      for (const { Key: key, UploadId } of Uploads) {
        if (key === Key) await this.#client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
      }
    });
  }

  async remove(): Promise<void> {
    await this.removeRemains();
    await this.#asked('removing', async () => {
      // What is left if this ends halfway is an object that nobody takes for a backup.
      await this.#client.send(new DeleteObjectCommand(this.#description));
      await this.#client.send(new DeleteObjectCommand(this.#object));
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
      // Where an answer was lost and the library has asked again, it is this very upload that has the name.
      if (statusOf(error) === TAKEN) return false;
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
    if (error instanceof S3ServiceException) {
      const status = statusOf(error);
      return failed(`${doing} ${this.name}: ${error.name} (${status}): ${s3Advice(error.name, status)}`, error);
    }
    if (nameOf(error) === 'CredentialsProviderError') return failed(`${doing} ${this.name}: ${NO_CREDENTIALS}`, error);
    const why = tlsAdvice(error) ?? `${describeCause(error)}: is the endpoint right, and does it answer?`;
    const host = this.#bucketIsHost && HOST_UNKNOWN.test(describeCode(error)) ? `; ${PATH_STYLE}` : '';
    return failed(`${doing} ${this.name}: ${why}${host}`, error);
  }

  #taken(): CodedError {
    return failed(`${this.name} exists and is left as it is: give another name`);
  }
}

/** HTTP statuses: no such object; it exists or has changed; there is none of the bytes that were asked for. */
const [MISSING, TAKEN, EMPTY] = [404, 412, 416];

function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

/** How a 404 is named that is about the object, or about nothing in particular; a bucket, or a user, may be missing as well. */
const NO_OBJECT: ReadonlySet<string> = new Set(['NoSuchKey', 'NotFound', 'Unknown', 'UnknownError']);

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

function configuration({ endpoint, region, pathStyle, caBundle }: S3Options): S3ClientConfig {
  return {
    // Servers other than Amazon's know one region only, and accept any name for it.
    region: region ?? process.env['AWS_REGION'] ?? 'us-east-1',
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle: pathStyle,
    // Longer and longer in between: seconds, until a server that is busy or starts again is given up.
    maxAttempts: ATTEMPTS,
    // Many servers do not know the newer checksums; the snapshot has its own.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      ...TIMEOUT,
      ...(caBundle === undefined ? {} : { httpsAgent: new Agent({ ca: [...rootCertificates, caBundle] }) }),
    },
  };
}

/** A host name that leads nowhere, or to a certificate of another one. */
const HOST_UNKNOWN = /^(ENOTFOUND|EAI_AGAIN|ERR_TLS_CERT_ALTNAME_INVALID)$/;

const PATH_STYLE =
  'or does this server want the bucket in the path, and not before its host name (--s3-path-style, forcePathStyle)?';

function describeCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function describeCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' ? describeCode(error) || error.name : error.message;
}

function failed(message: string, cause?: unknown): CodedError {
  return new CodedError('ZK_BACKUP_FAILED', message, { cause });
}

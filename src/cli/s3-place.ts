import { Agent } from 'node:https';
import { rootCertificates } from 'node:tls';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
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
import { tlsAdvice } from './tls-advice.ts';

/**
 * Bytes of a part; at most 10,000 make an object, which then has up to 80 GB. While parts are on their way nothing is taken from
 * the member, and it does not wait for more than a minute: at 300 kB/s they are sent in that time.
 */
const PART_BYTES = 8 * 1024 * 1024;

/** Parts on their way at the same time, all of them in memory. */
const PARTS_AT_ONCE = 2;

/** How long a connection may take to be made, and to say nothing, in milliseconds. */
const TIMEOUT = { connectionTimeout: 10_000, socketTimeout: 60_000 };

/** An object of a server with the S3 protocol, with a description beside it that is written when it has been read back. */
export class S3Place implements Place {
  readonly name: string;
  readonly #object: { readonly Bucket: string; readonly Key: string };
  readonly #client: S3Client;

  constructor(name: string, bucket: string, key: string, options: S3Options) {
    this.name = name;
    this.#object = { Bucket: bucket, Key: key };
    this.#client = new S3Client(configuration(options));
  }

  async store(pieces: AsyncIterable<Uint8Array>, check: Check): Promise<InspectedFile> {
    if (await this.exists()) throw this.#taken();
    const body = Readable.from(pieces, { objectMode: false });
    await this.#asked('storing', async () => {
      // Aborts the upload if anything goes wrong; until it is completed no object is to be seen.
      await new Upload({
        client: this.#client,
        params: { ...this.#object, Body: body, ContentType: 'application/octet-stream', IfNoneMatch: '*' },
        partSize: PART_BYTES,
        queueSize: PARTS_AT_ONCE,
      }).done();
    });
    try {
      return await check(this.read());
    } catch (error) {
      // It is the one that was stored a moment ago, under a name that was free.
      if (error instanceof CodedError && error.code === 'ZK_SNAPSHOT_CORRUPT') await this.remove();
      throw error;
    }
  }

  async exists(): Promise<boolean> {
    return await this.#asked('looking for', async () => {
      try {
        await this.#client.send(new HeadObjectCommand(this.#object));
        return true;
      } catch (error) {
        if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404) return false;
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
      const status = error.$metadata.httpStatusCode;
      if (status === 412) return this.#taken();
      const advice = ADVICE[error.name] ?? ADVICE[String(status)] ?? 'see what the S3 server says';
      return failed(`${doing} ${this.name}: ${error.name} (${status}): ${advice}`, error);
    }
    const why = tlsAdvice(error) ?? `${describeCause(error)}: is the endpoint right, and does it answer?`;
    return failed(`${doing} ${this.name}: ${why}`, error);
  }

  #taken(): CodedError {
    return failed(`${this.name} exists and is left as it is: give another name`);
  }
}

/** What to do about an answer, by its name or its HTTP status. */
const ADVICE: Readonly<Record<string, string>> = {
  NoSuchBucket: 'make the bucket, or give the name of one that exists',
  NoSuchKey: 'there is no such object; look at what the bucket holds',
  '403': 'the credentials are wrong, or may not do this in the bucket',
  '404': 'there is no such object or bucket',
  InvalidAccessKeyId: 'the access key is not known there; look at the credentials',
  SignatureDoesNotMatch: 'the secret access key is wrong',
};

function configuration({ endpoint, region, pathStyle, caBundle }: S3Options): S3ClientConfig {
  return {
    // Servers other than Amazon's know one region only, and accept any name for it.
    region: region ?? process.env['AWS_REGION'] ?? 'us-east-1',
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle: pathStyle,
    // Many servers do not know the newer checksums; the snapshot has its own.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      ...TIMEOUT,
      ...(caBundle === undefined ? {} : { httpsAgent: new Agent({ ca: [...rootCertificates, caBundle] }) }),
    },
  };
}

function describeCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  return error.message === '' ? code || error.name : error.message;
}

function failed(message: string, cause?: unknown): CodedError {
  return new CodedError('ZK_BACKUP_FAILED', message, { cause });
}

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { CodedError } from '../../common/errors.ts';
import type { Check } from '../place.ts';
import { S3Place } from '../s3-place.ts';
import type { InspectedFile } from '../snapshot-file.ts';
import { served } from './serve.ts';

process.env['AWS_ACCESS_KEY_ID'] = 'key';
process.env['AWS_SECRET_ACCESS_KEY'] = 'very-secret';

/** A request, all of which has come. */
export interface Asked {
  readonly method: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly body: Buffer;
}

/** What of the S3 protocol a backup needs, of one bucket. End to end it is a real server. */
export class FakeS3 {
  readonly objects = new Map<string, Buffer>();
  readonly uploads = new Map<string, { readonly key: string; readonly parts: Buffer[] }>();
  readonly asked: Asked[] = [];
  /** Answers a request in place of the server, or does not. */
  instead: (asked: Asked, response: ServerResponse) => boolean = () => false;
  /** It wants a checksum with whatever it keeps, as for a bucket with a lock. */
  isLocked = false;
  /** Its URL. */
  endpoint = '';

  static async start(t: TestContext): Promise<FakeS3> {
    const fake = new FakeS3();
    fake.endpoint = `http://${await served(t, (request, response) => void fake.#answer(request, response))}`;
    // Whoever is refused asks again at once.
    t.mock.method(Math, 'random', () => 0);
    return fake;
  }

  place(key: string, signal?: AbortSignal): S3Place {
    const options = { endpoint: this.endpoint, region: undefined, pathStyle: true, caBundle: undefined };
    return new S3Place(`s3://bucket/${key}`, 'bucket', key, options, signal);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '', 'http://s3');
    const key = decodeURIComponent(pathname).slice('/bucket/'.length);
    const body = await whole(request);
    if (body === undefined) return;
    const asked = { method: request.method ?? '', key, query, request, body };
    this.asked.push(asked);
    const md5 = request.headers['content-md5'];
    if (md5 !== undefined) assert.equal(md5, createHash('md5').update(asked.body).digest('base64'));
    if (!this.instead(asked, response)) this.#serve(asked, response);
  }

  #serve({ method, key, query, request, body }: Asked, response: ServerResponse): void {
    const uploadId = query.get('uploadId') ?? '';
    const part = query.get('partNumber');
    const upload = this.uploads.get(uploadId);
    const isTaken = request.headers['if-none-match'] === '*' && this.objects.has(key);
    switch (method) {
      case 'GET': {
        if (query.has('uploads')) {
          const rows = [...this.uploads].map(
            ([id, { key: name }]) => `<Upload><Key>${name}</Key><UploadId>${id}</UploadId></Upload>`,
          );
          response.end(`<ListMultipartUploadsResult>${rows.join('')}</ListMultipartUploadsResult>`);
          return;
        }
        const object = this.objects.get(key);
        if (object === undefined) refuse(response, 404, 'NoSuchKey');
        else serve(object, request, response);
        return;
      }
      case 'PUT':
        if (this.isLocked && request.headers['content-md5'] === undefined)
          return refuse(response, 400, 'InvalidRequest');
        if (isTaken) return refuse(response, 412, 'PreconditionFailed');
        if (part === null) this.objects.set(key, body);
        else if (upload !== undefined) upload.parts[Number(part) - 1] = body;
        response.writeHead(200, { etag: '"tag"' }).end();
        return;
      case 'POST':
        if (query.has('uploads')) {
          const id = `upload-${this.asked.length}`;
          this.uploads.set(id, { key, parts: [] });
          response.end(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
          return;
        }
        if (isTaken) return refuse(response, 412, 'PreconditionFailed');
        this.objects.set(key, Buffer.concat(upload?.parts ?? []));
        this.uploads.delete(uploadId);
        response.end('<CompleteMultipartUploadResult><ETag>"tag"</ETag></CompleteMultipartUploadResult>');
        return;
      default:
        if (uploadId === '') this.objects.delete(key);
        else this.uploads.delete(uploadId);
        response.writeHead(204).end();
    }
  }
}

/** What a request brings; undefined where its client has broken it off, for instance since it was interrupted. */
async function whole(request: IncomingMessage): Promise<Buffer | undefined> {
  try {
    return await buffer(request);
  } catch (error) {
    if (request.complete) throw error;
    return undefined;
  }
}

/** An object, or the part of it that is asked for. */
function serve(object: Buffer, { headers }: IncomingMessage, response: ServerResponse): void {
  const tag = tagOf(object);
  if (![undefined, tag].includes(headers['if-match'])) return refuse(response, 412, 'PreconditionFailed');
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
  if (from === undefined) return void response.writeHead(200, { etag: tag }).end(object);
  const part = object.subarray(Number(from), to === '' ? undefined : Number(to) + 1);
  const range = `bytes ${from}-${Number(from) + part.length - 1}/${object.length}`;
  return void response.writeHead(206, { etag: tag, 'content-range': range }).end(part);
}

/** The tag of an object. */
export function tagOf(object: Buffer): string {
  return `"${createHash('md5').update(object).digest('hex')}"`;
}

/** Refuses a request as S3 servers do. */
export function refuse(response: ServerResponse, status: number, code: string, message = ''): void {
  const text = message === '' ? '' : `<Message>${message}</Message>`;
  response.writeHead(status, { 'content-type': 'application/xml' }).end(`<Error><Code>${code}</Code>${text}</Error>`);
}

/** Believes what is read back if it is what was stored. */
export function same(as: Buffer): Check {
  return async (stored) => {
    if (!as.equals(await buffer(stored))) throw new CodedError('ZK_SNAPSHOT_CORRUPT', 'it is another');
    return { bytes: as.length } as InspectedFile;
  };
}

/** What is to be stored, and then an error where there is one. */
export function pieces(bytes: Buffer, error?: Error): AsyncIterable<Uint8Array> {
  return ReadableStream.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
      if (error !== undefined) throw error;
    })(),
  );
}

/** Of one part. */
export const SMALL = Buffer.from('small');
/** Of three parts. */
export const LARGE = Buffer.alloc(11 * 1024 * 1024, 'large');

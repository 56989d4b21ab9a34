import { link, open, rm } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import { CodedError } from '../common/errors.ts';
import { formatZxid } from '../common/zxid.ts';
import { sync } from './durable.ts';
import { inspectFile, type InspectedFile } from './snapshot-file.ts';

export interface BackupOptions {
  /** `host:port` of a member's admin port. */
  readonly server: string;
  /** `scheme:proof`, for instance `digest:user:password`. */
  readonly auth: string | undefined;
  /** How long the member may say nothing. */
  readonly silenceMs: number;
}

/**
 * Takes a snapshot from a member's admin port into a file; packed with gzip if its name ends in `.gz`. The file gets its name
 * when it is whole, read back, found sound and durable; one that is there already is never replaced.
 * @throws CodedError ZK_BACKUP_FAILED, ZK_SNAPSHOT_CORRUPT
 */
export async function backUp(file: string, options: BackupOptions): Promise<InspectedFile> {
  const partial = `${file}.partial-${process.pid}`;
  try {
    const response = await ask(options, file.endsWith('.gz'));
    await store(response, partial, file.endsWith('.gz'));
    await sync(partial);
    const inspected = await inspectFile(partial, file);
    const zxid = formatZxid(inspected.summary.zxid);
    const announced = response.headers['last_zxid'];
    if (announced !== undefined && announced !== zxid) {
      throw failed(`the member announced a snapshot at ${String(announced)} and sent one at ${zxid}: try again`);
    }
    await publish(partial, file);
    return inspected;
  } finally {
    await rm(partial, { force: true });
  }
}

async function ask({ server, auth, silenceMs }: BackupOptions, packed: boolean): Promise<IncomingMessage> {
  const url = `http://${server}/commands/snapshot?streaming=true`;
  if (!URL.canParse(url) || !server.includes(':')) {
    throw new CodedError('ZK_CLI_ARGUMENTS', `'${server}' is not an admin port: write --server host:8080`);
  }
  const headers = {
    'accept-encoding': packed ? 'gzip' : 'identity',
    // The header has a blank where the argument has the first colon.
    ...(auth === undefined ? {} : { authorization: auth.replace(':', ' ') }),
  };
  const asking = request(url, { headers, timeout: silenceMs });
  asking.on('timeout', () => asking.destroy(new Error(`nothing was heard for ${silenceMs} ms`)));
  try {
    const [response] = (await once(asking.end(), 'response')) as [IncomingMessage];
    if (response.statusCode === 200 && response.headers['content-type'] === 'application/octet-stream') return response;
    throw refused(server, response, await text(response));
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw failed(`no answer from ${server} (${String(error)}): give the admin port of a running member`, error);
  }
}

function refused(server: string, { statusCode = 0, headers }: IncomingMessage, answer: string): CodedError {
  const advice: Readonly<Record<number, string>> = {
    401: 'give --auth digest:user:password',
    403: 'the identity given with --auth needs all permissions on /',
    404: 'this is not the admin port of a server that can stream a snapshot',
    429: `ask again in ${headers['retry-after'] ?? 'some'} seconds, or ask another member`,
    503: 'ask another member',
  };
  const said = /"error"\s*:\s*"([^"]*)"/.exec(answer)?.[1] ?? answer.trim().slice(0, 200);
  return failed(`${server} answered ${statusCode} (${said}): ${advice[statusCode] ?? 'see the log of the server'}`);
}

async function store(response: IncomingMessage, partial: string, packed: boolean): Promise<void> {
  const isPacked = response.headers['content-encoding'] === 'gzip';
  if (isPacked && !packed)
    throw failed('the member packs what was asked for unpacked: give a file name that ends in .gz');
  const packing =
    packed && !isPacked ? createGzip() : new Transform({ transform: (chunk, _, done) => done(null, chunk) });
  const handle = await open(partial, 'wx', 0o600);
  try {
    await pipeline(response, packing, handle.createWriteStream());
  } catch (error) {
    throw failed(`the snapshot did not arrive whole (${String(error)}): try again`, error);
  } finally {
    await handle.close();
  }
}

/** Gives the file its name unless somebody has it: a rename would replace. */
async function publish(partial: string, file: string): Promise<void> {
  try {
    await link(partial, file);
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    throw failed(exists ? `${file} exists and is left as it is: give another name` : String(error), error);
  }
  await sync(dirname(file));
}

function failed(message: string, cause?: unknown): CodedError {
  return new CodedError('ZK_BACKUP_FAILED', message, { cause });
}

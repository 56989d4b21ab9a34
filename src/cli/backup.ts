import { request, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { PassThrough, pipeline } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { CodedError } from '../common/errors.ts';
import { formatZxid } from '../common/zxid.ts';
import { interruptible } from './interruption.ts';
import { adminPorts, snapshotSources, type SnapshotSource } from './members.ts';
import type { Place } from './place.ts';
import { heard, tooSilent } from './silence.ts';
import { inspect, soundOnly, type InspectedFile } from './snapshot-file.ts';

export interface BackupOptions {
  /** `host:port,host:port` of the admin ports of members. */
  readonly servers: string;
  /** `scheme:proof`, for instance `digest:user:password`. */
  readonly auth: string | undefined;
  /** How long the member may say nothing. */
  readonly silenceMs: number;
  /** Goes on with what an earlier attempt stored under the same name, and removes what one left that was killed. */
  readonly resume: boolean;
  /** How long a member is waited for that may give a snapshot only later, since it gave one a short time ago. */
  readonly patienceMs: number;
  /** Told before each wait. */
  readonly onWait?: (waitMs: number, why: string) => void;
  /** Aborted by somebody who wants an end to it. */
  readonly signal?: AbortSignal | undefined;
}

/** A member that would give a snapshot later. */
class AskedTooSoon extends CodedError {
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super('ZK_BACKUP_FAILED', message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** A backup that is stored, read back and found sound. */
export interface TakenBackup {
  readonly stored: InspectedFile;
  /** Who gave it; undefined where an earlier attempt took it. */
  readonly source: SnapshotSource | undefined;
}

/**
 * Takes a snapshot from a member's admin port into a place; packed with gzip if its name ends in `.gz`. It gets its name when
 * it is whole, sound and durable; one that is there already is never replaced.
 * @throws CodedError ZK_BACKUP_FAILED, ZK_SNAPSHOT_CORRUPT, ZK_CLI_ARGUMENTS
 */
export async function backUp(place: Place, options: BackupOptions): Promise<TakenBackup> {
  const addresses = adminPorts(options.servers);
  if (options.resume) {
    await place.removeRemains();
    if (await place.exists()) return { stored: await inspect(place.read(), place.name), source: undefined };
  }
  let source: SnapshotSource | undefined;
  let sent: string | undefined;
  // A member gives one only now and then, so it is asked when the place has turned out to take one.
  async function* taken(): AsyncGenerator<Uint8Array> {
    const packed = place.name.endsWith('.gz');
    const answer = await firstAnswer(addresses, options, packed);
    const { response } = answer;
    source = answer.source;
    try {
      yield* soundOnly(arriving(response, packed, options.silenceMs), place.name, ({ summary, sha256 }) => {
        const zxid = formatZxid(summary.zxid);
        const announced = response.headers['last_zxid'];
        if (announced !== undefined && announced !== zxid) {
          throw failed(`the member announced a snapshot at ${String(announced)} and sent one at ${zxid}: try again`);
        }
        sent = sha256;
      });
    } finally {
      response.destroy();
    }
  }
  const stored = await place.store(interruptible(taken(), options.signal), async (readBack) => {
    const inspected = await inspect(interruptible(readBack, options.signal), place.name);
    if (inspected.sha256 === sent) return inspected;
    throw failed(`${place.name} is sound, but not what was stored there: does somebody else store under this name?`);
  });
  return { stored, source };
}

interface Answer {
  readonly response: IncomingMessage;
  readonly source: SnapshotSource;
}

/** The first member that gives a snapshot, waited for where all that keeps them from it is how lately they gave one. */
async function firstAnswer(addresses: readonly string[], options: BackupOptions, packed: boolean): Promise<Answer> {
  const endMs = performance.now() + options.patienceMs;
  for (;;) {
    const answer = await askEach(addresses, options, packed);
    if (!Array.isArray(answer)) return answer;
    const waitMs = Math.min(...answer.map((one) => (one instanceof AskedTooSoon ? one.retryAfterMs : Infinity)));
    const why = answer.map(({ message }) => message).join('; ');
    if (!(performance.now() + waitMs <= endMs)) throw failed(why, answer[0]);
    options.onWait?.(waitMs, why);
    await delay(waitMs, undefined, { signal: options.signal });
  }
}

/** The first member that gives a snapshot, or why none of them does. */
async function askEach(
  addresses: readonly string[],
  options: BackupOptions,
  packed: boolean,
): Promise<Answer | CodedError[]> {
  const failures: CodedError[] = [];
  for (const source of await snapshotSources(addresses)) {
    try {
      return { response: await ask(source.address, options, packed), source };
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof CodedError)) throw error;
      failures.push(error);
    }
  }
  return failures;
}

async function ask(
  address: string,
  { auth, silenceMs, signal }: BackupOptions,
  packed: boolean,
): Promise<IncomingMessage> {
  const headers = {
    'accept-encoding': packed ? 'gzip' : 'identity',
    // The header has a blank where the argument has the first colon.
    ...(auth === undefined ? {} : { authorization: auth.replace(':', ' ') }),
  };
  const asking = request(`http://${address}/commands/snapshot?streaming=true`, { headers, timeout: silenceMs, signal });
  asking.on('timeout', () => asking.destroy(tooSilent(silenceMs)));
  // What happens to it once there is a response, that one tells as well.
  asking.on('error', () => undefined);
  try {
    const [response] = (await once(asking.end(), 'response')) as [IncomingMessage];
    if (response.statusCode === 200 && response.headers['content-type'] === 'application/octet-stream') {
      asking.setTimeout(0);
      return response;
    }
    throw refused(address, response, await text(response));
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw failed(`no answer from ${address} (${String(error)}): give the admin port of a running member`, error);
  }
}

function refused(address: string, { statusCode = 0, headers }: IncomingMessage, answer: string): CodedError {
  const advice: Readonly<Record<number, string>> = {
    401: 'give --auth digest:user:password',
    403: 'the identity given with --auth needs all permissions on /',
    404: 'this is not the admin port of a server that can stream a snapshot',
    429: `ask again in ${headers['retry-after'] ?? 'some'} seconds, or ask another member`,
    503: 'ask another member',
  };
  const said = /"error"\s*:\s*"([^"]*)"/.exec(answer)?.[1] ?? answer.trim().slice(0, 200);
  const message = `${address} answered ${statusCode} (${said}): ${advice[statusCode] ?? 'see the log of the server'}`;
  const retryAfterMs = Number(headers['retry-after']) * 1000;
  return statusCode === 429 && retryAfterMs >= 0 ? new AskedTooSoon(message, retryAfterMs) : failed(message);
}

async function* arriving(response: IncomingMessage, packed: boolean, silenceMs: number): AsyncGenerator<Uint8Array> {
  const isPacked = response.headers['content-encoding'] === 'gzip';
  if (isPacked && !packed)
    throw failed('the member packs what was asked for unpacked: give a file name that ends in .gz');
  const packing = packed && !isPacked ? createGzip() : new PassThrough();
  // Tells of a response that has broken off already, too.
  pipeline(heard(response, silenceMs), packing, () => undefined);
  try {
    for await (const piece of packing) yield piece as Uint8Array;
  } catch (error) {
    throw failed(`the snapshot did not arrive whole (${String(error)}): try again`, error);
  }
}

function failed(message: string, cause?: unknown): CodedError {
  return new CodedError('ZK_BACKUP_FAILED', message, { cause });
}

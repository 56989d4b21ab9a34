import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { constants, createGzip } from 'node:zlib';
import { formatZxid } from '../../common/zxid.ts';
import { snapshotFile, snapshotFileBytes } from '../backup/snapshot-stream.ts';
import type { DatabaseSnapshot } from '../database/types.ts';
import type { AdminLogins } from './admin-logins.ts';
import { refuse, type Refusal } from './admin-refusal.ts';
import type { ServerView } from './server-view.ts';

/**
 * Who takes nothing for so long is gone: an open snapshot keeps what is changed meanwhile in memory. One who stores it far away
 * takes nothing until a part of some megabytes has got there. Node notices it within once to twice this time.
 */
const STALLED_MS = 60_000;

/**
 * `GET /commands/snapshot`, as in ZooKeeper 3.9 (Commands.SnapshotCommand): a consistent snapshot of the state at the zxid in the
 * header `last_zxid`, in ZooKeeper's file format, for administrators, once in an interval. Unlike there it is streamed from
 * the state itself and never a file of this server's; `snapshot_size` is its length before any compression.
 */
export class SnapshotCommand {
  readonly #view: ServerView;
  readonly #logins: AdminLogins;
  #startedMs = -Infinity;
  #streaming = false;

  constructor(view: ServerView, logins: AdminLogins) {
    this.#view = view;
    this.#logins = logins;
  }

  /** Answers the request, with a snapshot or with why there is none. */
  async answer(request: IncomingMessage, query: URLSearchParams, response: ServerResponse): Promise<void> {
    const refusal = this.#refusal(request, query);
    const snapshot = refusal === undefined ? this.#view.snapshot() : undefined;
    if (snapshot === undefined) return refuse(response, 'snapshot', refusal ?? NOT_SERVING);
    this.#startedMs = performance.now();
    this.#streaming = true;
    try {
      await this.#stream(snapshot, acceptsGzip(request), response);
    } finally {
      this.#streaming = false;
    }
  }

  #refusal(request: IncomingMessage, query: URLSearchParams): Refusal | undefined {
    const { admin } = this.#view.config;
    const refusal = this.#logins.refusalOf(request);
    if (refusal !== undefined) return refusal;
    if (!admin.snapshots) return { status: 503, error: 'admin.snapshot.enabled=false in zoo.cfg' };
    if ((query.get('streaming') ?? 'true') !== 'true') {
      return { status: 400, error: 'this server only streams snapshots: leave out streaming=false' };
    }
    const waitMs = this.#streaming ? STALLED_MS : this.#startedMs + admin.snapshotIntervalMs - performance.now();
    if (waitMs <= 0) return undefined;
    this.#view.snapshotRequests.refusedTooSoon++;
    return {
      status: 429,
      error: 'too many snapshots: ask another member, ask later, or lower admin.rateLimiterIntervalInMS',
      headers: { 'retry-after': String(Math.ceil(waitMs / 1000)) },
    };
  }

  async #stream(snapshot: DatabaseSnapshot, gzip: boolean, response: ServerResponse): Promise<void> {
    const { logger } = this.#view;
    const zxid = formatZxid(snapshot.zxid);
    const bytes = snapshotFileBytes(snapshot);
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'cache-control': 'no-store',
      last_zxid: zxid,
      snapshot_size: bytes,
      ...(gzip ? { 'content-encoding': 'gzip' } : { 'content-length': bytes }),
    });
    response.setTimeout(STALLED_MS, () => response.destroy());
    logger.info('streaming a snapshot', { zxid, bytes });
    const pieces = Readable.from(inTurns(snapshot), { objectMode: false, highWaterMark: 1 });
    try {
      // The fastest level: it is a member's processor, shared with its clients.
      if (gzip) await pipeline(pieces, createGzip({ level: constants.Z_BEST_SPEED }), response);
      else await pipeline(pieces, response);
      logger.info('streamed a snapshot', { zxid, bytes });
    } catch (error) {
      logger.warn('a snapshot was not taken to its end', { zxid, reason: String(error) });
    } finally {
      // Where the client was gone before the first piece, nothing else lets go of it.
      snapshot.close();
    }
  }
}

const NOT_SERVING: Refusal = { status: 503, error: 'This ZooKeeper instance is not currently serving requests' };

/** One piece for each turn of the event loop, so that everybody else is served between two. */
async function* inTurns(snapshot: DatabaseSnapshot): AsyncGenerator<Uint8Array, void, undefined> {
  for (const piece of snapshotFile(snapshot)) {
    yield piece;
    await setImmediate();
  }
}

function acceptsGzip({ headers }: IncomingMessage): boolean {
  return /(?:^|[\s,])gzip(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(headers['accept-encoding']?.toString() ?? '');
}

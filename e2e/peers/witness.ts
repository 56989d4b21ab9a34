import assert from 'node:assert/strict';
import { waitFor } from '../support/wait-for.ts';
import { RawConnection, type Reply } from './raw/connection.ts';
import type { Operation } from './raw/operations.ts';
import { EventType, worldAll } from './raw/records.ts';

const ephemeral = '/witness';
const watched = '/watched';

/**
 * One session that goes from member to member and takes its watch along. It has an ephemeral node, and counts how often it is
 * told that the watched node has changed.
 */
export class Witness {
  #connection: RawConnection;
  #lastZxid = 0n;

  private constructor(connection: RawConnection) {
    this.#connection = connection;
  }

  static async begin(port: number): Promise<Witness> {
    const witness = new Witness(await RawConnection.open({ port, timeoutMs: 60_000 }));
    for (const [path, flags] of [[ephemeral, 1] as const, [watched, 0] as const]) {
      await witness.#do({ op: 'create', path, data: null, acl: worldAll, flags });
    }
    await witness.#watch();
    return witness;
  }

  /** Leaves the member where it is, if that has not left already, for another. @param meanwhile What happens in between. */
  async moveTo(port: number, meanwhile?: () => Promise<void>): Promise<void> {
    const { session } = this.#connection;
    await this.#connection.drop();
    await meanwhile?.();
    const options = { port, session, lastZxidSeen: this.#lastZxid };
    // A member that has not seen as much as this session closes the connection: it will have, soon.
    this.#connection = await waitFor(`the member at ${port} takes the session`, () => RawConnection.open(options));
    assert.equal(this.#connection.session.id, session.id, 'the session has moved');
    assert.notEqual(this.#connection.session.timeoutMs, 0, 'the session has expired on the way');
    await this.#do({ op: 'setWatches', relativeZxid: this.#lastZxid, data: [watched], exist: [], child: [] });
    const { result } = await this.#do({ op: 'exists', path: ephemeral, watch: false });
    assert.equal(result?.stat?.ephemeralOwner, session.id, 'the ephemeral node is there');
  }

  /** Waits for the news of a change, which has to come once, and watches on. */
  async untilTold(): Promise<void> {
    const { events } = this.#connection;
    await waitFor('the watch fires', () => events.length > 0);
    await this.#watch();
    assert.deepEqual(
      events.splice(0).map(({ type, path }) => ({ type, path })),
      [{ type: EventType.dataChanged, path: watched }],
    );
  }

  /** Ends the session; the ephemeral node goes with it. */
  async end(): Promise<void> {
    await this.#connection.close();
  }

  async #watch(): Promise<void> {
    await this.#do({ op: 'getData', path: watched, watch: true });
  }

  async #do(operation: Operation): Promise<Reply> {
    const reply = await this.#connection.request(operation);
    assert.equal(reply.error, 0, operation.op);
    if (reply.zxid > this.#lastZxid) this.#lastZxid = reply.zxid;
    return reply;
  }
}

/** Changes what a {@link Witness} watches, and leaves nothing behind. */
export async function changeWatched(port: number): Promise<void> {
  const connection = await RawConnection.open({ port });
  await connection.do({ op: 'setData', path: watched, data: Buffer.from('changed'), version: -1 });
  await connection.close();
}

/** Whether a witness's ephemeral node is there, as one member knows it. */
export async function isWitnessed(port: number): Promise<boolean> {
  const connection = await RawConnection.open({ port });
  await connection.do({ op: 'sync', path: ephemeral });
  const { error } = await connection.request({ op: 'exists', path: ephemeral, watch: false });
  await connection.close();
  return error === 0;
}

import type { ServerId, SessionId } from '../../common/types.ts';
import { CONTAINER_OWNER } from '../database/owner.ts';

/**
 * The ids of the sessions that one server opens: the server's id in the highest byte, then 40 bits of milliseconds, then
 * a counter (SessionTrackerImpl.initializeNextSessionId), so that members never have to agree on them.
 */
export class SessionIds {
  readonly #serverId: ServerId;
  #next: SessionId | undefined;

  constructor(serverId: ServerId) {
    this.#serverId = serverId;
  }

  /**
   * A new id. The first is made of the wall clock: a server that restarted must not open the sessions of its former life
   * again. `taken` guards against a clock that was set back.
   */
  next(wallMs: number, taken: (id: SessionId) => boolean): SessionId {
    let id = this.#next ?? firstId(this.#serverId, wallMs);
    while (id === 0n || id === CONTAINER_OWNER || taken(id)) id = BigInt.asIntN(64, id + 1n);
    this.#next = BigInt.asIntN(64, id + 1n);
    return id;
  }
}

function firstId(serverId: ServerId, wallMs: number): SessionId {
  const time = BigInt.asUintN(40, BigInt(Math.floor(wallMs))) << 16n;
  return BigInt.asIntN(64, (BigInt(serverId) << 56n) | time);
}

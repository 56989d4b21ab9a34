import { operationKind } from '../../pipeline/operations.ts';
import type { ClientId } from '../../pipeline/types.ts';
import { OpCode } from '../../protocol/opcodes.ts';
import { Summary } from './summary.ts';

interface Asked {
  readonly atMs: number;
  readonly type: number;
}

/** A request's frame holds its type behind its xid. */
const TYPE_OFFSET = 4;

const NAMES = new Map<number, string>(Object.entries(OpCode).map(([name, type]) => [type, name]));

/**
 * How long requests take, in milliseconds: a sample of them, those that found their connection idle. A request behind others
 * would be timed together with them, and timing every one would cost more than answering it.
 */
export class RequestLatencies {
  readonly all = new Summary();
  readonly reads = new Summary();
  readonly updates = new Summary();
  readonly #byType = new Map<number, Summary>();
  /** The request that each connection waits for the answer of, where it was idle before. */
  readonly #asked = new Map<ClientId, Asked>();

  /** A client has sent this. */
  asked(client: ClientId, frame: Uint8Array): void {
    if (this.#asked.has(client)) return;
    this.#asked.set(client, { atMs: performance.now(), type: typeOf(frame) });
  }

  /** Something is sent to the client. */
  answered(client: ClientId, nowMs: number): void {
    const asked = this.#asked.get(client);
    if (asked === undefined) return;
    this.#asked.delete(client);
    const latencyMs = nowMs - asked.atMs;
    this.all.record(latencyMs);
    (operationKind(asked.type) === 'write' ? this.updates : this.reads).record(latencyMs);
    let ofType = this.#byType.get(asked.type);
    // Whatever a client writes there, no more are kept than there are types.
    if (ofType === undefined && NAMES.has(asked.type)) this.#byType.set(asked.type, (ofType = new Summary()));
    ofType?.record(latencyMs);
  }

  forget(client: ClientId): void {
    this.#asked.delete(client);
  }

  /** By the name of the request, such as `getData`. */
  byName(): readonly (readonly [name: string, Summary])[] {
    return [...this.#byType].map(([type, summary]) => [NAMES.get(type) ?? String(type), summary]);
  }

  /** Forgets what was measured, as `srst` asks. */
  reset(): void {
    for (const summary of [this.all, this.reads, this.updates, ...this.#byType.values()]) summary.reset();
  }
}

function typeOf(frame: Uint8Array): number {
  if (frame.length < TYPE_OFFSET + 4) return 0;
  return new DataView(frame.buffer, frame.byteOffset).getInt32(TYPE_OFFSET);
}

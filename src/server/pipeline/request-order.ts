import type { ApplyResult } from '../database/types.ts';
import { OpCode } from '../protocol/opcodes.ts';
import type { Answers } from './answers.ts';
import { PendingRequest, REQUEST_HEADER_BYTES, type Client, type CloseClient } from './client.ts';
import { QUEUED_READS_MAX } from './held-clients.ts';
import { operationKind } from './operations.ts';
import type { Reads } from './reads.ts';
import type { Service } from './service.ts';

/** A directory may have many times as many bytes as the data of a znode. */
const GET_CHILDREN_READS = 10;

/**
 * The order of a session: answers come in the order of requests (CommitProcessor), and what a request sees is what the
 * requests before it have left. A read is answered at once unless the client has something pending before it.
 */
export class RequestOrder {
  readonly #reads: Reads;
  readonly #answers: Answers;
  readonly #close: CloseClient;
  #outstanding = 0;

  constructor(reads: Reads, answers: Answers, close: CloseClient) {
    this.#reads = reads;
    this.#answers = answers;
    this.#close = close;
  }

  /** Requests that wait for their answer. */
  get outstanding(): number {
    return this.#outstanding;
  }

  read(client: Client, xid: number, type: number, frame: Uint8Array): void {
    if (client.queue.length === 0) {
      this.#reads.answer(client, xid, type, frame, REQUEST_HEADER_BYTES, client.identities);
    } else {
      client.queuedReads += readsOf(type);
      this.#enqueue(client, xid, type, frame, true);
    }
  }

  /** A request that is done later: a write or a sync. */
  defer(client: Client, xid: number, type: number, frame: Uint8Array, service: Service): void {
    if (type === OpCode.closeSession) client.closesSession = true;
    this.#pass(this.#enqueue(client, xid, type, frame, false), service);
  }

  /** A write or sync is done: it and what waited behind it can be answered. */
  done(request: PendingRequest, error: number, result: ApplyResult | undefined, service: Service | undefined): void {
    request.error = error;
    request.result = result;
    request.ready = true;
    const { client } = request;
    for (let next = client.queue.peek(); next !== undefined && next.ready; next = client.queue.peek()) {
      client.queue.shift();
      this.#outstanding--;
      if (next.type === OpCode.sync) client.syncsPending--;
      this.#answer(client, next);
      if (client.phase === 'closed') return;
    }
    if (service !== undefined) this.#passHeld(client, service);
  }

  /** The client is gone; its answers have nowhere to go. */
  forget(client: Client): void {
    this.#outstanding -= client.queue.length;
    client.queue.clear();
    client.heldRequests.clear();
  }

  #enqueue(client: Client, xid: number, type: number, frame: Uint8Array, ready: boolean): PendingRequest {
    const request = new PendingRequest(client, xid, type, frame, REQUEST_HEADER_BYTES, ready);
    client.queue.push(request);
    this.#outstanding++;
    return request;
  }

  /** Sends a write or sync on its way, or holds it back until the syncs before it are done. */
  #pass(request: PendingRequest, service: Service): void {
    const { client, type } = request;
    const isSync = type === OpCode.sync;
    if (client.heldRequests.length > 0 || (!isSync && client.syncsPending > 0)) {
      client.heldRequests.push(request);
    } else if (isSync) {
      client.syncsPending++;
      service.sync(request);
    } else {
      service.submit(request);
    }
  }

  #passHeld(client: Client, service: Service): void {
    if (client.heldRequests.length === 0 || client.syncsPending > 0) return;
    const held: PendingRequest[] = [];
    for (let next = client.heldRequests.shift(); next !== undefined; next = client.heldRequests.shift())
      held.push(next);
    for (const request of held) this.#pass(request, service);
  }

  #answer(client: Client, request: PendingRequest): void {
    const { xid, type, frame, offset, identities } = request;
    if (operationKind(type) === 'read') {
      client.queuedReads -= readsOf(type);
      this.#reads.answer(client, xid, type, frame, offset, identities);
    } else if (this.#answers.answer(request) === 'closes') {
      this.#close(client, type === OpCode.closeSession ? 'the client closed its session' : 'the session has moved');
    }
  }
}

/** As how many reads one counts that waits behind a write: how much it is answered with is known only then. */
function readsOf(type: number): number {
  switch (type) {
    case OpCode.multiRead:
      return QUEUED_READS_MAX;
    case OpCode.getChildren:
    case OpCode.getChildren2:
      return GET_CHILDREN_READS;
    default:
      return 1;
  }
}

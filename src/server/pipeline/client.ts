import type { SessionId } from '../../common/types.ts';
import type { ApplyResult } from '../database/types.ts';
import type { Identity } from '../protocol/records.ts';
import type { Expirable } from './expiry.ts';
import { Fifo } from './fifo.ts';
import type { TrackedSession } from './session-tracker.ts';
import type { ClientId } from './types.ts';

/**
 * Where a connection stands: before its ConnectRequest, waiting for its session, open, and gone. Nothing leads back.
 */
export type ClientPhase = 'new' | 'opening' | 'open' | 'closed';

/** One connection of a client. A session has one at a time on a server; a client that connects again gets a new one. */
export class Client implements Expirable {
  readonly id: ClientId;
  readonly address: string;
  phase: ClientPhase = 'new';
  /** Who the client has shown to be. Replaced, never changed: requests under way keep what they came with. */
  identities: readonly Identity[];
  /** 0 until the client has asked for one. */
  sessionId: SessionId = 0n;
  timeoutMs = 0;
  /** Whether the ConnectRequest had the readOnly field; the answer has it then. */
  sentReadOnly = false;
  /** On the leader, once the session is open: spares a look-up for every request. */
  session: TrackedSession | undefined;
  /** On a learner: the session is on the list for the leader's next PING. */
  touched = false;
  /** Requests that wait for a commit, and whatever came behind them; answered in this order. */
  readonly queue = new Fifo<PendingRequest>();
  /** Syncs under way. While there is one, no later write may take effect: a read between the two would see it. */
  syncsPending = 0;
  /** Writes, and syncs behind them, that wait for those syncs before they go their way. */
  readonly heldRequests = new Fifo<PendingRequest>();
  /** How many of the queue are reads; one that may be answered with very much counts as many. */
  queuedReads = 0;
  /** Bytes of answers and events in this step, and other work as if it were bytes. */
  answerBytes = 0;
  /** It has asked for more than it takes: these frames wait for it. */
  held = false;
  readonly heldFrames = new Fifo<Uint8Array>();
  /** It has asked for more watches than it is granted, which was logged. */
  watchesRefused = false;
  /** It has asked for the end of its session. */
  closesSession = false;
  /** Frames that came before the session was open. */
  readonly earlyFrames: Uint8Array[] = [];
  earlyBytes = 0;
  /** What is to be sent at the end of this step: pairs of start and end in the step's reply bytes. */
  readonly segments: number[] = [];
  received = 0;
  sent = 0;
  expiresMs = 0;
  bucketMs = 0;

  constructor(id: ClientId, address: string) {
    this.id = id;
    this.address = address;
    this.identities = [{ scheme: 'ip', id: address }];
  }
}

/** Ends a client's connection. */
export type CloseClient = (client: Client, reason: string) => void;

/** The length of a request's header: xid and type. */
export const REQUEST_HEADER_BYTES = 8;

/** A request that cannot be answered at once. */
export class PendingRequest {
  readonly client: Client;
  readonly sessionId: SessionId;
  readonly xid: number;
  readonly type: number;
  /** The whole frame; the body begins at {@link PendingRequest.offset}. */
  readonly frame: Uint8Array;
  readonly offset: number;
  /** As they were when the request came. */
  readonly identities: readonly Identity[];
  /** False for writes and syncs until they are done. */
  ready: boolean;
  /** What became of a write. */
  error = 0;
  result: ApplyResult | undefined;

  constructor(client: Client, xid: number, type: number, frame: Uint8Array, offset: number, ready: boolean) {
    this.client = client;
    this.sessionId = client.sessionId;
    this.xid = xid;
    this.type = type;
    this.frame = frame;
    this.offset = offset;
    this.identities = client.identities;
    this.ready = ready;
  }
}

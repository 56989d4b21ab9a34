import type { SessionId } from '../../common/types.ts';
import { formatZxid } from '../../common/zxid.ts';
import type { ApplyResult, Database } from '../database/types.ts';
import { readConnectRequest, writeConnectResponse } from '../protocol/connect.ts';
import { JuteReader } from '../protocol/jute-reader.ts';
import { OpCode, ReplyCode } from '../protocol/opcodes.ts';
import type { Identity } from '../protocol/records.ts';
import { readAuthPacket } from '../protocol/requests.ts';
import type { Answers } from './answers.ts';
import { authenticate } from './auth.ts';
import { Client, PendingRequest, REQUEST_HEADER_BYTES } from './client.ts';
import { ExpiryQueue } from './expiry.ts';
import { ANSWER_BYTES_PER_STEP, HeldClients } from './held-clients.ts';
import { operationKind } from './operations.ts';
import { PASSWORD_BYTES, isSessionPassword, sessionPassword } from './password.ts';
import type { Reads } from './reads.ts';
import type { Replies } from './replies.ts';
import { RequestOrder } from './request-order.ts';
import type { Service } from './service.ts';
import type { SessionIds } from './session-ids.ts';
import { formatSession, isMalformed, type Step } from './step.ts';
import type { ClientId, ClientInfo, MemberConfig } from './types.ts';

/** A connection that has no session yet may be silent this long (ZooKeeper's sessionlessCnxnTimeout). */
const SESSIONLESS_TIMEOUT_MS = 10_000;

/**
 * A member that has just lost its quorum, or has just started, lets clients that connect wait for so long instead of
 * refusing them: most elections are over before, and a refused client pauses before it tries again.
 */
const QUORUM_PATIENCE_MS = 1_000;

/** What a client may send before its session is open: nothing, really. */
const EARLY_BYTES_MAX = 64 * 1024;

/** What a frame takes that holds nothing. */
const EARLY_FRAME_BYTES = 128;

/** All that a client's identities may take: they go with each of its writes, and stand in ACLs for `auth`. */
const IDENTITY_BYTES_MAX = 16 * 1024;

const NO_QUORUM = 'this server is not serving: it is not part of a quorum';
const STOPPING = 'this server is stopping';

/** The connections of this member's clients: who is connected, the handshake, who a client is, and what it asks for. */
export class Clients {
  /** Undefined while this member does not serve. */
  #service: Service | undefined;
  #stopping = false;
  /** Whether what clients send is left unread for now, because too many requests wait. */
  areUnread = false;
  /** While this member does not serve: until when clients are let wait, and those that do. */
  #patientUntilMs = 0;
  readonly #waiting = new Set<Client>();
  readonly #clients = new Map<ClientId, Client>();
  readonly #bySession = new Map<SessionId, Client>();
  readonly #expiry: ExpiryQueue<Client>;
  readonly #config: MemberConfig;
  readonly #database: Database;
  readonly #step: Step;
  readonly #replies: Replies;
  readonly #order: RequestOrder;
  readonly #held: HeldClients;
  readonly #sessionIds: SessionIds;
  #received = 0;

  constructor(
    config: MemberConfig,
    database: Database,
    step: Step,
    replies: Replies,
    reads: Reads,
    answers: Answers,
    sessionIds: SessionIds,
  ) {
    this.#config = config;
    this.#database = database;
    this.#step = step;
    this.#replies = replies;
    this.#order = new RequestOrder(reads, answers, (client, reason) => this.close(client, reason));
    const bytesPerStep = config.answerBytesPerStep ?? ANSWER_BYTES_PER_STEP;
    this.#held = new HeldClients(bytesPerStep, step, (client, frame) => this.#take(client, frame));
    this.#sessionIds = sessionIds;
    this.#expiry = new ExpiryQueue(config.zab.tickTimeMs);
  }

  get serving(): boolean {
    return this.#service !== undefined;
  }

  /** This member serves; so does it those who have waited for it. */
  serve(service: Service): void {
    this.#service = service;
    for (const client of this.#waiting) {
      this.#waiting.delete(client);
      for (const frame of client.earlyFrames.splice(0)) this.#held.frame(client, frame);
    }
  }

  /** This member does not serve (any more). */
  stopServing(): void {
    this.#service = undefined;
    this.#patientUntilMs = this.#step.nowMs + QUORUM_PATIENCE_MS;
  }

  /** The member is about to stop: what is under way is answered, nothing new is taken up. */
  stop(): void {
    this.#stopping = true;
    for (const client of this.#waiting) this.close(client, STOPPING);
  }

  get count(): number {
    return this.#clients.size;
  }

  /** Requests that wait for their answer. */
  get outstanding(): number {
    return this.#order.outstanding;
  }

  get received(): number {
    return this.#received;
  }

  get(id: ClientId): Client | undefined {
    return this.#clients.get(id);
  }

  infos(): ClientInfo[] {
    return [...this.#clients.values()].map((client) => ({
      client: client.id,
      address: client.address,
      sessionId: client.sessionId,
      timeoutMs: client.timeoutMs,
      received: client.received,
      sent: client.sent,
      outstanding: client.queue.length,
    }));
  }

  connected(id: ClientId, address: string): void {
    const client = new Client(id, address);
    this.#clients.set(id, client);
    this.#expiry.add(client, this.#step.nowMs, SESSIONLESS_TIMEOUT_MS);
    if (this.#stopping) this.close(client, STOPPING);
  }

  /** The connection ended. Its session lives on until it expires. */
  disconnected(id: ClientId): void {
    const client = this.#clients.get(id);
    if (client !== undefined) this.#forget(client);
  }

  frame(id: ClientId, frame: Uint8Array): void {
    const client = this.#clients.get(id);
    // What was on its way when the member closed the connection.
    if (client === undefined || this.#stopping) return;
    client.received++;
    this.#received++;
    if (frame.length > this.#config.maxFrameBytes) {
      this.close(client, `a frame of ${frame.length} bytes is longer than jute.maxbuffer`);
    } else {
      this.#held.frame(client, frame);
    }
  }

  /** A client that is held has taken what it was sent. */
  drained(id: ClientId): void {
    const client = this.#clients.get(id);
    if (client !== undefined && !this.#stopping) this.#held.drained(client);
  }

  /** The session of a client that was `opening` has been created, or renewed, or refused. */
  sessionReady(client: Client, valid: boolean): void {
    if (client.phase !== 'opening') return;
    this.#replies.beginFrame(client);
    writeConnectResponse(this.#replies.writer, {
      protocolVersion: 0,
      timeoutMs: valid ? client.timeoutMs : 0,
      sessionId: valid ? client.sessionId : 0n,
      password: valid ? sessionPassword(client.sessionId) : new Uint8Array(PASSWORD_BYTES),
      readOnly: client.sentReadOnly ? false : undefined,
    });
    this.#replies.end();
    if (!valid) {
      this.close(client, `session ${formatSession(client.sessionId)} is not alive`);
      return;
    }
    client.phase = 'open';
    this.#expiry.touch(client, this.#step.nowMs, client.timeoutMs);
    for (const frame of client.earlyFrames.splice(0)) {
      if (this.#clients.has(client.id) && this.#service !== undefined) this.#held.frame(client, frame);
    }
  }

  /** A write or sync is done: it and what waited behind it can be answered. */
  done(request: PendingRequest, error: number, result: ApplyResult | undefined): void {
    const { client } = request;
    if (client.phase === 'closed') return;
    if (request.type === OpCode.createSession) this.sessionReady(client, error === ReplyCode.ok);
    else this.#order.done(request, error, result, this.#service);
  }

  /** The session has ended: whoever is still connected for it is not any more. Who asked for it is answered first. */
  sessionClosed(sessionId: SessionId): void {
    const client = this.#bySession.get(sessionId);
    if (client !== undefined && !client.closesSession)
      this.close(client, `session ${formatSession(sessionId)} has expired or was closed`);
  }

  closeAll(reason: string): void {
    for (const client of this.#clients.values()) this.close(client, reason);
  }

  /** Closes after what the client has coming. */
  close(client: Client, reason: string): void {
    this.#replies.flushClient(client, this.#step.outputs);
    this.#step.emit({ type: 'closeClient', client: client.id, reason });
    this.#forget(client);
  }

  /** Closes connections that have been silent, or have waited, for too long. */
  expire(): void {
    if (this.#step.nowMs >= this.#patientUntilMs) for (const client of this.#waiting) this.close(client, NO_QUORUM);
    for (const client of this.#expiry.poll(this.#step.nowMs, Infinity)) {
      const timeoutMs = client.timeoutMs || SESSIONLESS_TIMEOUT_MS;
      if (this.#isUnread(client)) this.#expiry.add(client, this.#step.nowMs, timeoutMs);
      else this.close(client, `nothing was heard for ${timeoutMs} ms`);
    }
  }

  /** Before silent sessions end: of those that nobody listens to, all count as heard. */
  touchUnread(): void {
    const service = this.#service;
    if (service === undefined) return;
    // At a follower for every ping of the leader's, and syncs have many: not all clients are looked at each time.
    for (const client of this.areUnread ? this.#clients.values() : this.#held.all) {
      if (client.phase === 'open' && this.#isUnread(client)) service.touch(client);
    }
  }

  nextDeadlineMs(): number {
    const patienceMs = this.#waiting.size === 0 ? Infinity : this.#patientUntilMs;
    return Math.min(this.#expiry.nextDeadlineMs(), patienceMs);
  }

  /** Whether the silence of a client says nothing. That of one which is held does where it is we who wait, for it to take its answers. */
  #isUnread({ held, queue }: Client): boolean {
    return this.areUnread || (held && queue.length > 0);
  }

  #take(client: Client, frame: Uint8Array): void {
    const service = this.#service;
    if (client.phase === 'closed') return;
    if (service === undefined) {
      if (client.phase !== 'new' || this.#step.nowMs >= this.#patientUntilMs) {
        this.close(client, NO_QUORUM);
        return;
      }
      this.#waiting.add(client);
      this.#keepEarly(client, frame);
    } else if (client.phase === 'open') {
      this.#request(client, frame, service);
    } else if (client.phase === 'new') {
      this.#connect(client, frame, service);
    } else {
      this.#keepEarly(client, frame);
    }
  }

  #connect(client: Client, frame: Uint8Array, service: Service): void {
    let request;
    try {
      request = readConnectRequest(new JuteReader(frame));
    } catch (error) {
      if (!isMalformed(error)) throw error;
      this.close(client, 'the ConnectRequest is malformed');
      return;
    }
    if (request.lastZxidSeen > this.#database.lastZxid) {
      const seen = formatZxid(request.lastZxidSeen);
      this.close(client, `it has seen zxid ${seen}, this server only ${formatZxid(this.#database.lastZxid)}`);
      return;
    }
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.#config;
    client.timeoutMs = Math.min(Math.max(request.timeoutMs, minSessionTimeoutMs), maxSessionTimeoutMs);
    client.sentReadOnly = request.readOnly !== undefined;
    client.phase = 'opening';
    this.#expiry.touch(client, this.#step.nowMs, Math.max(client.timeoutMs, SESSIONLESS_TIMEOUT_MS));
    if (request.sessionId === 0n) this.#openSession(client, service);
    else this.#renewSession(client, request.sessionId, request.password, service);
  }

  #openSession(client: Client, service: Service): void {
    client.sessionId = this.#sessionIds.next(this.#step.wallMs, (id) => this.#database.sessions.has(id));
    this.#bySession.set(client.sessionId, client);
    const body = new Uint8Array(4);
    new DataView(body.buffer).setInt32(0, client.timeoutMs);
    service.openSession(client, new PendingRequest(client, 0, OpCode.createSession, body, 0, false));
  }

  #renewSession(client: Client, sessionId: SessionId, password: Uint8Array, service: Service): void {
    client.sessionId = sessionId;
    this.#step.counts.sessionsRenewed++;
    if (!isSessionPassword(sessionId, password)) {
      this.#step.log('warn', 'a client gave a wrong password for a session', {
        session: formatSession(sessionId),
        address: client.address,
      });
      this.sessionReady(client, false);
      return;
    }
    const former = this.#bySession.get(sessionId);
    if (former !== undefined) this.close(former, 'its client has connected again');
    this.#bySession.set(sessionId, client);
    service.renewSession(client);
  }

  #request(client: Client, frame: Uint8Array, service: Service): void {
    if (frame.length < REQUEST_HEADER_BYTES) {
      this.close(client, `a frame of ${frame.length} bytes holds no request`);
      return;
    }
    const xid = readInt(frame, 0);
    const type = readInt(frame, 4);
    this.#expiry.touch(client, this.#step.nowMs, client.timeoutMs);
    if (type === OpCode.auth) {
      this.#authenticate(client, xid, frame);
      return;
    }
    // As in ZooKeeper: the session is ending, and the connection with it.
    if (!service.touch(client)) return;
    switch (operationKind(type)) {
      case 'read':
        this.#order.read(client, xid, type, frame);
        break;
      case 'write':
      case 'sync':
        this.#order.defer(client, xid, type, frame, service);
        break;
      case 'unknown':
        // The zxid is -1, as in ZooKeeper: the request has not come as far as the database.
        this.#replies.header(client, xid, -1, ReplyCode.unimplemented);
        this.close(client, `a request of type ${type}`);
        break;
    }
  }

  #authenticate(client: Client, xid: number, frame: Uint8Array): void {
    let identities;
    try {
      const packet = readAuthPacket(new JuteReader(frame, REQUEST_HEADER_BYTES));
      identities = authenticate(packet, client.address, this.#config.superDigest);
    } catch (error) {
      if (!isMalformed(error)) throw error;
      this.close(client, 'an auth packet is malformed');
      return;
    }
    // ZooKeeper answers an auth packet with zxid 0, and ahead of requests that are pending.
    if (identities === undefined) {
      this.#step.counts.authFailures++;
      this.#replies.header(client, xid, 0, ReplyCode.authFailed);
      this.close(client, 'authentication failed');
      return;
    }
    const news = identities.filter(
      (id) => !client.identities.some((own) => own.scheme === id.scheme && own.id === id.id),
    );
    const all = [...client.identities, ...news];
    if (bytesOf(all) > IDENTITY_BYTES_MAX) {
      this.#replies.header(client, xid, 0, ReplyCode.authFailed);
      this.close(client, `its identities take more than ${IDENTITY_BYTES_MAX} bytes`);
      return;
    }
    client.identities = all;
    this.#replies.header(client, xid, 0, ReplyCode.ok);
  }

  #keepEarly(client: Client, frame: Uint8Array): void {
    client.earlyFrames.push(frame);
    client.earlyBytes += EARLY_FRAME_BYTES + frame.length;
    if (client.earlyBytes > EARLY_BYTES_MAX) this.close(client, 'it sends requests before its session is open');
  }

  #forget(client: Client): void {
    client.phase = 'closed';
    client.segments.length = 0;
    this.#held.forget(client);
    this.#clients.delete(client.id);
    this.#waiting.delete(client);
    if (this.#bySession.get(client.sessionId) === client) this.#bySession.delete(client.sessionId);
    this.#expiry.remove(client);
    this.#database.watches.removeWatcher(client.id);
    this.#order.forget(client);
  }
}

/** At most: a character takes three bytes or fewer. */
function bytesOf(identities: readonly Identity[]): number {
  return identities.reduce((sum, { scheme, id }) => sum + 3 * (scheme.length + id.length), 0);
}

function readInt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
}

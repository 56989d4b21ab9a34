import type { ServerId, SessionId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import { JuteReader } from './jute-reader.ts';
import { JuteWriter } from './jute-writer.ts';
import type { LearnerInfo, QuorumPacket } from './quorum.ts';
import { readIdentities, writeIdentities } from './record-codecs.ts';

/*
 * Packets between a leader and its learners, and what their `data` holds. On the wire packets follow one another without a
 * length before them: QuorumPacketStream finds their ends.
 */

const scratch = new JuteWriter(4096);

export function writeQuorumPacket(writer: JuteWriter, packet: QuorumPacket): void {
  writer.writeInt(packet.type);
  writer.writeExactLong(packet.zxid);
  writer.writeBuffer(packet.data);
  writeIdentities(writer, packet.authinfo);
}

/** Buffers are views. */
export function readQuorumPacket(reader: JuteReader): QuorumPacket {
  return {
    type: reader.readInt(),
    zxid: reader.readExactLong(),
    data: reader.readBuffer(),
    authinfo: readIdentities(reader),
  };
}

/** A packet's bytes, in memory of their own: made once, they go to every learner. */
export function encodeQuorumPacket(packet: QuorumPacket): Uint8Array {
  return encoded(() => writeQuorumPacket(scratch, packet));
}

export function encodeLearnerInfo(info: LearnerInfo): Uint8Array {
  return encoded(() => {
    scratch.writeExactLong(info.serverId);
    scratch.writeInt(info.protocolVersion);
    scratch.writeExactLong(info.configVersion);
  });
}

/** The data of FOLLOWERINFO; old learners send only the server id, or no configuration version. */
export function decodeLearnerInfo(data: Uint8Array): LearnerInfo {
  const reader = new JuteReader(data);
  return {
    serverId: reader.readExactLong(),
    protocolVersion: reader.remaining >= 4 ? reader.readInt() : 1,
    configVersion: reader.remaining >= 8 ? reader.readExactLong() : 0,
  };
}

/** The data of LEADERINFO: the protocol version, in four bytes. */
export function encodeInt(value: number): Uint8Array {
  return encoded(() => scratch.writeInt(value));
}

export function decodeInt(data: Uint8Array): number {
  return new JuteReader(data).readInt();
}

/** The data of ACKEPOCH. */
export interface EpochAck {
  /** -1 where this epoch was acknowledged before. */
  readonly currentEpoch: number;
  /**
   * Where the learner's log begins: it cannot be cut before. 0 where the learner does not say it: ZooKeeper's do not, and
   * its leaders read no further than the epoch.
   */
  readonly snapshotZxid: Zxid;
}

export function encodeEpochAck({ currentEpoch, snapshotZxid }: EpochAck): Uint8Array {
  return encoded(() => {
    scratch.writeInt(currentEpoch);
    scratch.writeExactLong(snapshotZxid);
  });
}

export function decodeEpochAck(data: Uint8Array): EpochAck {
  const reader = new JuteReader(data);
  return { currentEpoch: reader.readInt(), snapshotZxid: reader.remaining >= 8 ? reader.readExactLong() : 0 };
}

/** The data of REQUEST (and, with an empty body, of SYNC): a client's request that a learner hands to its leader. */
export interface ForwardedRequest {
  readonly sessionId: SessionId;
  readonly cxid: number;
  /** An OpCode. */
  readonly type: number;
  /** The request's body as the client sent it, behind its header. */
  readonly body: Uint8Array;
}

export function encodeForwardedRequest(request: ForwardedRequest): Uint8Array {
  return encoded(() => {
    scratch.writeLong(request.sessionId);
    scratch.writeInt(request.cxid);
    scratch.writeInt(request.type);
    scratch.writeRaw(request.body);
  });
}

/** The body is a view. */
export function decodeForwardedRequest(data: Uint8Array): ForwardedRequest {
  const reader = new JuteReader(data);
  return {
    sessionId: reader.readLong(),
    cxid: reader.readInt(),
    type: reader.readInt(),
    body: reader.readRaw(reader.remaining),
  };
}

/** One of the sessions that a learner's PING reports as alive. */
export interface TouchedSession {
  readonly sessionId: SessionId;
  readonly timeoutMs: number;
}

/** The data of a learner's PING: the sessions heard of since the last one. */
export function encodeTouchedSessions(sessions: Iterable<TouchedSession>): Uint8Array {
  return encoded(() => {
    for (const { sessionId, timeoutMs } of sessions) {
      scratch.writeLong(sessionId);
      scratch.writeInt(timeoutMs);
    }
  });
}

export function decodeTouchedSessions(data: Uint8Array): TouchedSession[] {
  const reader = new JuteReader(data);
  const sessions: TouchedSession[] = [];
  while (reader.remaining > 0) sessions.push({ sessionId: reader.readLong(), timeoutMs: reader.readInt() });
  return sessions;
}

/** The data of a learner's REVALIDATE: is this session, which a client brought along, still alive? */
export function encodeRevalidateRequest(session: TouchedSession): Uint8Array {
  return encodeTouchedSessions([session]);
}

export function decodeRevalidateRequest(data: Uint8Array): TouchedSession {
  const reader = new JuteReader(data);
  return { sessionId: reader.readLong(), timeoutMs: reader.readInt() };
}

/** The data of the leader's REVALIDATE. */
export interface RevalidateResponse {
  readonly sessionId: SessionId;
  readonly valid: boolean;
}

export function encodeRevalidateResponse(response: RevalidateResponse): Uint8Array {
  return encoded(() => {
    scratch.writeLong(response.sessionId);
    scratch.writeBoolean(response.valid);
  });
}

export function decodeRevalidateResponse(data: Uint8Array): RevalidateResponse {
  const reader = new JuteReader(data);
  return { sessionId: reader.readLong(), valid: reader.readBoolean() };
}

/** The data of INFORMANDACTIVATE (and, without a proposal, of COMMITANDACTIVATE): the leader that is to take over. */
export function encodeDesignatedLeader(leader: ServerId, proposal: Uint8Array = NO_BYTES): Uint8Array {
  return encoded(() => {
    scratch.writeExactLong(leader);
    scratch.writeRaw(proposal);
  });
}

export function decodeDesignatedLeader(data: Uint8Array): { readonly leader: ServerId; readonly proposal: Uint8Array } {
  const reader = new JuteReader(data);
  return { leader: reader.readExactLong(), proposal: reader.readRaw(reader.remaining) };
}

const NO_BYTES = new Uint8Array(0);

// Encoding never calls back, so the one scratch writer is never used twice at once.
function encoded(write: () => void): Uint8Array {
  scratch.reset();
  write();
  return scratch.copy();
}

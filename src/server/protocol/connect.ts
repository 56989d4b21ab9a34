import type { SessionId } from '../../common/types.ts';
import type { JuteReader } from './jute-reader.ts';
import type { JuteWriter } from './jute-writer.ts';

/** The first frame of a client's connection. */
export interface ConnectRequest {
  readonly protocolVersion: number;
  /** The newest zxid that the client has seen; a server that is behind must not serve it. Rounded beyond 2^53. */
  readonly lastZxidSeen: number;
  readonly timeoutMs: number;
  /** 0 for a new session. */
  readonly sessionId: SessionId;
  readonly password: Uint8Array;
  /** True if the client is content with a read-only server. Undefined where old clients leave the field out (ZOOKEEPER-4814). */
  readonly readOnly: boolean | undefined;
}

/** The answer to a ConnectRequest; session 0 with timeout 0 refuses. */
export interface ConnectResponse {
  readonly protocolVersion: number;
  readonly timeoutMs: number;
  readonly sessionId: SessionId;
  readonly password: Uint8Array;
  /** Whether this server is read-only. Undefined leaves the field out, for clients that did not send theirs. */
  readonly readOnly: boolean | undefined;
}

export function writeConnectRequest(writer: JuteWriter, request: ConnectRequest): void {
  writer.writeInt(request.protocolVersion);
  writer.writeExactLong(request.lastZxidSeen);
  writer.writeInt(request.timeoutMs);
  writer.writeLong(request.sessionId);
  writer.writeBuffer(request.password);
  if (request.readOnly !== undefined) writer.writeBoolean(request.readOnly);
}

export function readConnectRequest(reader: JuteReader): ConnectRequest {
  return {
    protocolVersion: reader.readInt(),
    lastZxidSeen: reader.readRoundedLong(),
    timeoutMs: reader.readInt(),
    sessionId: reader.readLong(),
    password: reader.readBuffer() ?? new Uint8Array(0),
    readOnly: reader.remaining > 0 ? reader.readBoolean() : undefined,
  };
}

export function writeConnectResponse(writer: JuteWriter, response: ConnectResponse): void {
  writer.writeInt(response.protocolVersion);
  writer.writeInt(response.timeoutMs);
  writer.writeLong(response.sessionId);
  writer.writeBuffer(response.password);
  if (response.readOnly !== undefined) writer.writeBoolean(response.readOnly);
}

export function readConnectResponse(reader: JuteReader): ConnectResponse {
  return {
    protocolVersion: reader.readInt(),
    timeoutMs: reader.readInt(),
    sessionId: reader.readLong(),
    password: reader.readBuffer() ?? new Uint8Array(0),
    readOnly: reader.remaining > 0 ? reader.readBoolean() : undefined,
  };
}

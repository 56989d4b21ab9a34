import type { ServerId } from '../../common/types.ts';
import { encodeUtf8 } from '../../common/utf8.ts';
import { epochOf } from '../../common/zxid.ts';
import { ByteQueue } from './byte-queue.ts';
import { JuteReader, malformed } from './jute-reader.ts';
import { JuteWriter } from './jute-writer.ts';
import type { Notification } from './quorum.ts';

/*
 * The bytes of leader election (QuorumCnxManager, FastLeaderElection): a handshake from whoever connects, then messages
 * with their length before them, in both directions.
 */

/** Where a server listens for election messages. */
export interface ElectionAddress {
  readonly host: string;
  readonly port: number;
}

/** How a connection for election messages begins. */
export interface ElectionHandshake {
  readonly serverId: ServerId;
  /** Empty where a server before 3.5 sends only its id. */
  readonly addresses: readonly ElectionAddress[];
}

/** The handshake with one address, which every server since 3.5 understands. */
const PROTOCOL_ONE_ADDRESS = -65536;
/** The handshake with several addresses, since 3.6. */
const PROTOCOL_SEVERAL_ADDRESSES = -65535;

const HANDSHAKE_ADDRESS_BYTES_MAX = 2048;
const MESSAGE_BYTES_MAX = 512 * 1024;

/** The version of the message: with the sender's configuration. */
const MESSAGE_VERSION = 2;

const scratch = new JuteWriter(512);

/** Addresses beyond the first are written only where there are any, so that every peer understands. */
export function encodeElectionHandshake(handshake: ElectionHandshake): Uint8Array {
  const { addresses } = handshake;
  scratch.reset();
  scratch.writeExactLong(addresses.length > 1 ? PROTOCOL_SEVERAL_ADDRESSES : PROTOCOL_ONE_ADDRESS);
  scratch.writeExactLong(handshake.serverId);
  scratch.writeString(addresses.map(formatAddress).join('|'));
  return scratch.copy();
}

/** The message with its length before it. */
export function encodeNotification(notification: Notification): Uint8Array {
  scratch.reset();
  const mark = scratch.beginLength();
  scratch.writeInt(notification.state);
  scratch.writeExactLong(notification.leader);
  scratch.writeExactLong(notification.zxid);
  scratch.writeExactLong(notification.electionEpoch);
  scratch.writeExactLong(notification.peerEpoch);
  scratch.writeInt(MESSAGE_VERSION);
  scratch.writeBuffer(encodeUtf8(notification.config));
  // ZooKeeper's servers read no further than the configuration.
  if (notification.nextConfig !== '') scratch.writeBuffer(encodeUtf8(notification.nextConfig));
  scratch.endLength(mark);
  return scratch.copy();
}

/**
 * A message without its length. Messages of 28 and of 40 bytes come from old servers, without the peer's epoch, the
 * version and the configuration.
 * @throws CodedError ZK_FRAME_MALFORMED
 */
export function decodeNotification(message: Uint8Array): Notification {
  const reader = new JuteReader(message);
  const state = reader.readInt();
  const leader = reader.readExactLong();
  const zxid = reader.readExactLong();
  const electionEpoch = reader.readExactLong();
  const peerEpoch = reader.remaining === 0 ? epochOf(zxid) : reader.readExactLong();
  const version = reader.remaining === 0 ? 0 : reader.readInt();
  const config = version < MESSAGE_VERSION || reader.remaining === 0 ? '' : reader.readString();
  const nextConfig = reader.remaining < 4 ? '' : reader.readString();
  return { state, leader, zxid, electionEpoch, peerEpoch, config, nextConfig };
}

/** Receives what an {@link ElectionStream} finds. */
export interface ElectionStreamSink {
  handshake(handshake: ElectionHandshake): void;
  notification(notification: Notification): void;
}

/** Takes handshake and messages out of the bytes of a connection for election messages. */
export class ElectionStream {
  readonly #sink: ElectionStreamSink;
  readonly #queue = new ByteQueue();
  #handshakeDue: boolean;

  /** @param accepted True for a connection that the peer opened, which begins with its handshake. */
  constructor(sink: ElectionStreamSink, accepted: boolean) {
    this.#sink = sink;
    this.#handshakeDue = accepted;
  }

  /** @throws CodedError ZK_FRAME_MALFORMED: the connection is of no more use. */
  push(chunk: Uint8Array): void {
    this.#queue.append(chunk);
    while (this.#takeOne());
  }

  #takeOne(): boolean {
    const bytes = this.#queue.view();
    if (this.#handshakeDue) return this.#takeHandshake(bytes);
    if (bytes.length < 4) return false;
    const length = new JuteReader(bytes).readInt();
    if (length <= 0 || length > MESSAGE_BYTES_MAX) malformed(`an election message claims ${length} bytes`);
    if (bytes.length < 4 + length) return false;
    const notification = decodeNotification(bytes.subarray(4, 4 + length));
    this.#queue.drop(4 + length);
    this.#sink.notification(notification);
    return true;
  }

  #takeHandshake(bytes: Uint8Array): boolean {
    if (bytes.length < 8) return false;
    const reader = new JuteReader(bytes);
    const first = reader.readExactLong();
    if (first >= 0) return this.#endHandshake(8, { serverId: first, addresses: [] });
    if (first !== PROTOCOL_ONE_ADDRESS && first !== PROTOCOL_SEVERAL_ADDRESSES) {
      malformed(`${first} is not a version of the election protocol`);
    }
    if (reader.remaining < 12) return false;
    const serverId = reader.readExactLong();
    const length = reader.readInt();
    if (length <= 0 || length > HANDSHAKE_ADDRESS_BYTES_MAX) malformed(`election addresses claim ${length} bytes`);
    if (reader.remaining < length) return false;
    const text = new JuteReader(bytes, reader.offset - 4).readString();
    return this.#endHandshake(20 + length, { serverId, addresses: text.split('|').map(parseAddress) });
  }

  #endHandshake(length: number, handshake: ElectionHandshake): boolean {
    this.#handshakeDue = false;
    this.#queue.drop(length);
    this.#sink.handshake(handshake);
    return true;
  }
}

/** `host:port`, an IPv6 address in brackets. */
function formatAddress({ host, port }: ElectionAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseAddress(text: string): ElectionAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65535) malformed(`'${text}' is not an election address`);
  return { host, port };
}

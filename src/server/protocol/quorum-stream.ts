import { ByteQueue } from './byte-queue.ts';
import { JuteReader, malformed } from './jute-reader.ts';
import { PacketType, SNAPSHOT_SIGNATURE } from './quorum.ts';
import type { QuorumPacket } from './quorum.ts';
import { readQuorumPacket } from './quorum-codec.ts';
import { SnapshotWalker } from './snapshot-walker.ts';
import { decodeUtf8 } from '../../common/utf8.ts';

/** Receives what a {@link QuorumPacketStream} finds, in the order of the bytes. */
export interface QuorumStreamSink {
  /** The packet's data is memory of its own. */
  packet(packet: QuorumPacket): void;
  /** A piece of the snapshot behind a SNAP packet: a view of a chunk that was pushed, or memory of its own. */
  snapshotBytes(bytes: Uint8Array): void;
  /** The snapshot's body and its signature have been read. */
  snapshotEnd(): void;
}

/** The longest data of a packet: a proposal is at most a frame of jute.maxbuffer, a PING 12 bytes for each session. */
export const QUORUM_DATA_BYTES_MAX = 64 * 1024 * 1024;

/** Scheme and id of the identities in a packet together; far beyond any that exist. */
const AUTHINFO_BYTES_MAX = 1024 * 1024;

const FIXED_BYTES = 16;
const SIGNATURE_BYTES = 4 + SNAPSHOT_SIGNATURE.length;

/**
 * Takes the packets out of the byte stream between a leader and a learner. They have no length before them, and after a
 * SNAP packet comes a snapshot of any size, which is passed on piece by piece as it arrives.
 */
export class QuorumPacketStream {
  readonly #sink: QuorumStreamSink;
  readonly #snapshots: boolean;
  readonly #queue = new ByteQueue();
  #state: 'packets' | 'snapshot' | 'signature' = 'packets';
  #walker = new SnapshotWalker();

  /** @param snapshots False on the leader's side, where a SNAP packet is an error. */
  constructor(sink: QuorumStreamSink, snapshots: boolean) {
    this.#sink = sink;
    this.#snapshots = snapshots;
  }

  /**
   * Takes the next bytes of the stream. A sink that throws leaves the stream unusable.
   * @throws CodedError ZK_FRAME_MALFORMED: the connection is of no more use.
   */
  push(chunk: Uint8Array): void {
    if (this.#queue.length === 0) {
      const used = this.#consume(chunk);
      if (used < chunk.length) this.#queue.append(chunk.subarray(used));
      return;
    }
    this.#queue.append(chunk);
    this.#queue.drop(this.#consume(this.#queue.view(), true));
  }

  /** Returns how many of the bytes it has used. `reused`: their memory will be overwritten. */
  #consume(bytes: Uint8Array, reused = false): number {
    let at = 0;
    for (;;) {
      const used = this.#consumeOne(bytes, at, reused);
      if (used === 0) return at;
      at += used;
    }
  }

  #consumeOne(bytes: Uint8Array, at: number, reused: boolean): number {
    switch (this.#state) {
      case 'packets':
        return this.#consumePacket(bytes, at);
      case 'snapshot':
        return this.#consumeSnapshot(bytes, at, reused);
      case 'signature':
        return this.#consumeSignature(bytes, at);
    }
  }

  #consumePacket(bytes: Uint8Array, at: number): number {
    const length = packetLength(bytes, at);
    if (length === -1) return 0;
    const view = readQuorumPacket(new JuteReader(bytes, at, at + length));
    // A copy: proposals are kept, and would pin the whole chunk that they came in.
    const packet = view.data === null ? view : { ...view, data: view.data.slice() };
    if (packet.type === PacketType.snap) {
      if (!this.#snapshots) malformed('a learner sends a snapshot');
      this.#state = 'snapshot';
      this.#walker = new SnapshotWalker();
    }
    this.#sink.packet(packet);
    return length;
  }

  #consumeSnapshot(bytes: Uint8Array, at: number, reused: boolean): number {
    if (at === bytes.length) return 0;
    const end = this.#walker.walk(bytes, at);
    const pieceEnd = end === -1 ? bytes.length : end;
    if (end !== -1) this.#state = 'signature';
    this.#sink.snapshotBytes(reused ? bytes.slice(at, pieceEnd) : bytes.subarray(at, pieceEnd));
    return pieceEnd - at;
  }

  #consumeSignature(bytes: Uint8Array, at: number): number {
    if (bytes.length - at < SIGNATURE_BYTES) return 0;
    const reader = new JuteReader(bytes, at);
    const length = reader.readInt();
    const signature = length === SNAPSHOT_SIGNATURE.length ? decodeUtf8(reader.readRaw(length)) : '';
    if (signature !== SNAPSHOT_SIGNATURE) malformed('a snapshot does not end with its signature');
    this.#state = 'packets';
    this.#sink.snapshotEnd();
    return SIGNATURE_BYTES;
  }
}

/** The length of the packet that starts at `at`, or -1 if its end has not arrived. */
function packetLength(bytes: Uint8Array, at: number): number {
  const available = bytes.length - at;
  if (available < FIXED_BYTES) return -1;
  const dataLength = intAt(bytes, at + 12);
  if (dataLength < -1 || dataLength > QUORUM_DATA_BYTES_MAX) malformed(`a packet claims ${dataLength} bytes of data`);
  let length = FIXED_BYTES + Math.max(dataLength, 0);
  if (available < length + 4) return -1;
  const identities = intAt(bytes, at + length);
  if (identities < -1 || identities * 8 > AUTHINFO_BYTES_MAX) malformed(`a packet claims ${identities} identities`);
  length += 4;
  const stringsMax = length + AUTHINFO_BYTES_MAX;
  for (let strings = identities * 2; strings > 0; strings--) {
    if (available < length + 4) return -1;
    const stringLength = intAt(bytes, at + length);
    if (stringLength < -1) malformed(`an identity claims a length of ${stringLength}`);
    length += 4 + Math.max(stringLength, 0);
    if (length > stringsMax) malformed('the identities of a packet are too long');
  }
  return available < length ? -1 : length;
}

function intAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

import { CodedError } from '../../common/errors.ts';
import { EPOCH_MAX, epochOf, formatZxid, type Zxid } from '../../common/zxid.ts';
import { digestAt, SnapshotDecoder } from '../storage/formats/snapshot-format.ts';
import { BodyDigest } from './body-digest.ts';
import { BodyReader, corrupt, type BodyVisitor } from './body-reader.ts';
import { Inspection, type Subtree } from './inspection.ts';

/** What a whole and sound snapshot holds. */
export interface SnapshotSummary {
  readonly zxid: Zxid;
  /** Digest version 2 of the tree, signed, as computed from its znodes. */
  readonly digest: bigint;
  /** True if the file holds a digest for its zxid, which then is this one; false if there is none to compare with. */
  readonly digestChecked: boolean;
  /** Each once, the root and `/zookeeper` among them: one fewer than ZooKeeper's znode_count. */
  readonly znodes: number;
  readonly ephemerals: number;
  readonly containers: number;
  readonly ttlZnodes: number;
  readonly sessions: number;
  /** Bytes of all paths and data. */
  readonly dataBytes: number;
  /** Bytes of the file, unpacked. */
  readonly fileBytes: number;
  /** The largest, with a znode that contains another counted in both. */
  readonly subtrees: readonly Subtree[];
}

/** Reads a snapshot file in pieces of any size and checks all of it: seals, structure, digest. Memory does not grow with it. */
export class SnapshotReading {
  readonly #nameZxid: Zxid | undefined;
  readonly #digest = new BodyDigest();
  readonly #inspection = new Inspection();
  readonly #body: BodyReader;
  readonly #decoder: SnapshotDecoder;
  #bytes = 0;

  /**
   * @param name For error messages.
   * @param nameZxid The zxid in the name of the file, if there is one: files from before 3.9 do not say it themselves.
   * @param visitor Hears of what is in the snapshot, before it is known whether all of it is sound.
   */
  constructor(name: string, nameZxid: Zxid | undefined, visitor: BodyVisitor = {}) {
    this.#nameZxid = nameZxid;
    this.#body = new BodyReader([this.#inspection, this.#digest, visitor]);
    this.#decoder = new SnapshotDecoder(name, (bytes) => this.#body.push(bytes));
  }

  /** @throws CodedError ZK_SNAPSHOT_CORRUPT where the bytes cannot be a snapshot's. */
  push(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    this.#decoder.push(bytes);
  }

  /** The file has ended. @throws CodedError ZK_SNAPSHOT_CORRUPT if it is not sound, or not of one moment. */
  end(): SnapshotSummary {
    const trailer = this.#decoder.end();
    this.#body.end();
    const subtrees = this.#inspection.end();
    const { digest } = trailer;
    const stated = trailer.zxid ?? this.#nameZxid;
    if (stated === undefined) {
      throw new CodedError(
        'ZK_SNAPSHOT_CORRUPT',
        'the snapshot does not say its zxid, as those from before ZooKeeper 3.9: give it the name that the server gave it, snapshot.<zxid>',
      );
    }
    // Apache ZooKeeper names a file for the moment when it begins to write it, and computes the digest when it ends.
    const zxid = Math.max(stated, digest?.zxid ?? 0);
    if (epochOf(zxid) > EPOCH_MAX) corrupt('its zxid is larger than any server counts to');
    const inspection = this.#inspection;
    const expected = digestAt(trailer, zxid);
    const tookAMoment = this.#nameZxid === undefined || this.#nameZxid === zxid;
    const isExact =
      expected === undefined ? tookAMoment && inspection.lastChange <= zxid : expected === this.#digest.value;
    // In no digest is who may do what.
    if (!isExact || inspection.lacksAcl) throw inexact(zxid);
    return {
      zxid,
      digest: this.#digest.value,
      digestChecked: expected !== undefined,
      znodes: inspection.znodes,
      ephemerals: inspection.ephemerals,
      containers: inspection.containers,
      ttlZnodes: inspection.ttlZnodes,
      sessions: inspection.sessionCount,
      dataBytes: inspection.dataBytes,
      fileBytes: this.#bytes,
      subtrees,
    };
  }
}

/** The checksum fits: it was written like that. */
function inexact(zxid: Zxid): CodedError {
  return new CodedError(
    'ZK_SNAPSHOT_CORRUPT',
    `the snapshot is not the tree at ${formatZxid(zxid)}: its digest, its name, its znodes' zxids or their ACLs say otherwise. Apache ZooKeeper writes such snapshots ` +
      'while writes go on; start a server on it together with the log behind it, and take a backup from that server',
  );
}

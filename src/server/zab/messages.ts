import { encodeUtf8 } from '../../common/utf8.ts';
import { makeZxid, type Zxid } from '../../common/zxid.ts';
import { encodeEpochAck, encodeInt, encodeLearnerInfo, type EpochAck } from '../protocol/quorum-codec.ts';
import { PacketType, QUORUM_PROTOCOL_VERSION, type LearnerInfo, type QuorumPacket } from '../protocol/quorum.ts';
import type { LogEntry } from '../protocol/transactions.ts';

/** A packet that is no more than its type and zxid. */
export function packet(type: number, zxid: Zxid, data: Uint8Array | null = null): QuorumPacket {
  return { type, zxid, data, authinfo: null };
}

/** FOLLOWERINFO or OBSERVERINFO: who I am and which epoch I accepted last. */
export function learnerInfoPacket(observer: boolean, acceptedEpoch: number, info: LearnerInfo): QuorumPacket {
  const type = observer ? PacketType.observerInfo : PacketType.followerInfo;
  return packet(type, makeZxid(acceptedEpoch, 0), encodeLearnerInfo(info));
}

/** LEADERINFO: the epoch that the leader proposes. */
export function leaderInfoPacket(epoch: number): QuorumPacket {
  return packet(PacketType.leaderInfo, makeZxid(epoch, 0), encodeInt(QUORUM_PROTOCOL_VERSION));
}

/** ACKEPOCH: the epoch is accepted. -1 as current epoch says that it was before, so that it must not count again. */
export function ackEpochPacket(lastZxid: Zxid, ack: EpochAck): QuorumPacket {
  return packet(PacketType.ackEpoch, lastZxid, encodeEpochAck(ack));
}

/** NEWLEADER: what came before is the epoch's initial history. */
export function newLeaderPacket(epoch: number, configText: string): QuorumPacket {
  return packet(PacketType.newLeader, makeZxid(epoch, 0), configText === '' ? null : encodeUtf8(configText));
}

/** UPTODATE, with the zxid that ZooKeeper gives it. */
export const UP_TO_DATE: QuorumPacket = packet(PacketType.upToDate, -1);

/** PROPOSAL (to followers) and INFORM (to observers) carry an entry as it stands in the log. */
export function entryPacket(type: number, entry: LogEntry): QuorumPacket {
  return { type, zxid: entry.zxid, data: entry.bytes, authinfo: null };
}

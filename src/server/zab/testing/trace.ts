import { decodeUtf8 } from '../../../common/utf8.ts';
import { counterOf, epochOf, type Zxid } from '../../../common/zxid.ts';
import { decodeInt } from '../../protocol/quorum-codec.ts';
import { PacketType, PeerState, type Notification, type QuorumPacket } from '../../protocol/quorum.ts';
import type { LogEntry } from '../../protocol/transactions.ts';
import type { PersistOperation, ZabRole } from '../types.ts';
import { NOBODY } from '../vote.ts';

/* How transcripts say things. A zxid is `epoch.counter`, an entry `epoch.counter=payload`. */

const packetNames = new Map<number, string>(
  Object.entries(PacketType).map(([name, type]) => [type, name.toUpperCase()]),
);
const stateNames = new Map<number, string>(
  Object.entries(PeerState).map(([name, state]) => [state, name.toUpperCase()]),
);

export function showZxid(zxid: Zxid): string {
  if (zxid === NOBODY) return '-';
  return zxid < 0 ? String(zxid) : `${epochOf(zxid)}.${counterOf(zxid)}`;
}

export function showEntry(entry: LogEntry): string {
  return `${showZxid(entry.zxid)}=${decodeUtf8(entry.bytes)}`;
}

export function showEntries(entries: readonly LogEntry[]): string {
  return entries.length === 0 ? 'nothing' : entries.map(showEntry).join(' ');
}

export function showVote({ state, leader, zxid, peerEpoch, electionEpoch }: Notification): string {
  const whom = leader === NOBODY ? 'nobody' : `server ${leader}, epoch ${peerEpoch}, ${showZxid(zxid)}`;
  return `${stateNames.get(state)} for ${whom}, round ${electionEpoch}`;
}

export function showPacket({ type, zxid, data }: QuorumPacket): string {
  const name = packetNames.get(type) ?? `type ${type}`;
  switch (type) {
    case PacketType.proposal:
    case PacketType.inform:
      return `${name} ${showEntry({ zxid, bytes: data ?? new Uint8Array(0) })}`;
    case PacketType.ackEpoch:
      return `${name} last ${showZxid(zxid)}, current epoch ${data === null ? '?' : decodeInt(data)}`;
    case PacketType.followerInfo:
    case PacketType.observerInfo:
      return `${name} accepted epoch ${epochOf(zxid)}`;
    case PacketType.leaderInfo:
      return `${name} epoch ${epochOf(zxid)}`;
    case PacketType.upToDate:
      return name;
    default:
      return `${name} ${showZxid(zxid)}`;
  }
}

export function showOperation(operation: PersistOperation): string {
  switch (operation.type) {
    case 'append':
      return `log ${showEntries(operation.entries)}`;
    case 'acceptedEpoch':
      return `accepted epoch ${operation.epoch}`;
    case 'currentEpoch':
      return `current epoch ${operation.epoch}`;
    case 'installSnapshot':
      return `snapshot ${showZxid(operation.zxid)}`;
  }
}

export function showRole(role: ZabRole): string {
  if (role.state === 'looking') return 'LOOKING';
  const serving = role.serving ? ', serving' : '';
  const whom = role.state === 'leading' ? '' : ` server ${role.leader}`;
  return `${role.state.toUpperCase()}${whom}, epoch ${role.epoch}${serving}`;
}

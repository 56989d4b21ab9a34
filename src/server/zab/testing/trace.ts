import { decodeUtf8 } from '../../../common/utf8.ts';
import { counterOf, epochOf, type Zxid } from '../../../common/zxid.ts';
import { decodeEpochAck } from '../../protocol/quorum-codec.ts';
import { PacketType, PeerState, type Notification, type QuorumPacket } from '../../protocol/quorum.ts';
import type { LogEntry } from '../../protocol/transactions.ts';
import { readMembership } from '../../config/reconfiguration.ts';
import { configurationIn } from '../configuration-entry.ts';
import type { PersistOperation, ZabOutput, ZabRole } from '../types.ts';
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
  const configuration = configurationIn(entry);
  const payload = configuration === undefined ? decodeUtf8(entry.bytes) : showConfiguration(configuration);
  return `${showZxid(entry.zxid)}=${payload}`;
}

/** Who votes: all that transcripts have in a configuration. */
export function showConfiguration(text: string): string {
  return `{${readMembership(text)
    .members.map(({ id, role }) => (role === 'participant' ? `${id}` : `(${id})`))
    .join(' ')}}`;
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
      return `${name} last ${showZxid(zxid)}, current epoch ${data === null ? '?' : decodeEpochAck(data).currentEpoch}`;
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

/** A line for an output, or undefined for one that says nothing to a reader. */
export function showOutput(output: ZabOutput): string | undefined {
  switch (output.type) {
    case 'sendVote':
      return `vote to ${output.to}: ${showVote(output.notification)}`;
    case 'connectLeader':
      return `dials leader ${output.leader}`;
    case 'disconnectLeader':
      return 'leaves the leader';
    case 'sendToLeader':
      return `to leader: ${showPacket(output.packet)}`;
    case 'sendToLearners':
      return `to ${output.connections.map((id) => `learner #${id}`).join(', ')}: ${showPacket(output.packet)}`;
    case 'sendSnapshot':
      return `to learner #${output.connection}: the state`;
    case 'closeLearner':
      return `closes learner #${output.connection}: ${output.reason}`;
    case 'persist':
      return `persists ${output.operations.map(showOperation).join('; ')}`;
    case 'deliver':
      return `delivers ${showEntry(output.entry)}${output.committed ? '' : ' (not known to be committed)'}`;
    case 'receiveSnapshot':
      return `takes a snapshot at ${showZxid(output.zxid)}`;
    case 'truncateAndReload':
      return `cuts its log at ${showZxid(output.zxid)}`;
    case 'role':
      return `is ${showRole(output.role)}`;
    case 'fromLearner':
      return `hands up from server ${output.server}: ${showPacket(output.packet)}`;
    case 'fromLeader':
      return `hands up from the leader: ${showPacket(output.packet)}`;
    case 'configuration':
      return `activates the configuration ${showConfiguration(output.membership.text)}`;
    case 'nextConfiguration':
      return undefined;
    case 'leadershipConfirmed':
      return `confirms question ${output.token}`;
    case 'log': {
      const { reason } = output.fields;
      return typeof reason === 'string' ? `says: ${output.message} (${reason})` : undefined;
    }
  }
}

import { formatZxid, makeZxid } from '../../common/zxid.ts';
import { PacketType } from '../protocol/quorum.ts';
import type { PeerContext } from './context.ts';
import type { LearnerHandler } from './learner-handler.ts';
import type { LearnerTable } from './learner-table.ts';
import { entryPacket, newLeaderPacket, packet } from './messages.ts';
import { chooseSync, type SyncPlan } from './sync-plan.ts';

/**
 * Whether a learner would get a state with a configuration that is not committed, without having heard of the one before, which is:
 * the state has the last one only. If it crashed before it is told what is committed, it would go by a quorum of the configuration that
 * it knows and one of the last, which may have nobody in common with a quorum of the one between them that gives up the last. Those
 * who get the entries see one configuration after the other; and every election message has the one in force.
 *
 * ZooKeeper's leaders do not look at this; from them the one in force is known as a rule, from the election.
 */
export function missesConfiguration({ history, membership, next }: PeerContext, handler: LearnerHandler): boolean {
  if (next === undefined || next.version > history.delivered) return false;
  return handler.configVersion < membership.version && chooseSync(history, handler).type === 'snap';
}

/**
 * Sends a learner all that this leader has: what is delivered (before the epoch is established: the whole log) by DIFF,
 * TRUNC or SNAP, then the proposals that are under way, then NEWLEADER. Whatever is proposed later follows behind it.
 */
export function sendHistory(context: PeerContext, learners: LearnerTable, handler: LearnerHandler): void {
  const { history, currentEpoch, membership, next } = context;
  const committed = history.delivered;
  const plan = chooseSync(history, handler);
  handler.historyZxid = committed;
  sendPlan(context, learners, handler, plan);
  for (const entry of history.between(startOf(plan) ?? committed, committed)) {
    learners.send(handler, entryPacket(PacketType.proposal, entry));
    learners.send(handler, packet(PacketType.commit, entry.zxid));
  }
  if (!handler.isObserver) {
    for (const entry of history.between(committed, history.logged)) {
      learners.send(handler, entryPacket(PacketType.proposal, entry));
    }
  }
  // Before the epoch is established all that is logged is on its way to be committed; afterwards not yet.
  const isInitial = next !== undefined && next.version <= makeZxid(currentEpoch, 0);
  const configuration = isInitial ? next : membership;
  learners.send(handler, newLeaderPacket(currentEpoch, configuration.text));
  context.log('info', 'synchronizing a learner', {
    learner: handler.serverId,
    by: plan.type,
    learnerZxid: formatZxid(handler.lastZxid),
    committed: formatZxid(committed),
  });
}

function sendPlan(context: PeerContext, learners: LearnerTable, handler: LearnerHandler, plan: SyncPlan): void {
  const committed = context.history.delivered;
  switch (plan.type) {
    case 'diff':
      learners.send(handler, packet(PacketType.diff, committed));
      return;
    case 'trunc':
      learners.send(handler, packet(PacketType.trunc, plan.to));
      return;
    case 'snap':
      learners.send(handler, packet(PacketType.snap, committed));
      context.emit({ type: 'sendSnapshot', connection: handler.connection });
      return;
  }
}

/** After which zxid entries are to be sent; undefined where a snapshot says it all. */
function startOf(plan: SyncPlan): number | undefined {
  if (plan.type === 'snap') return undefined;
  return plan.type === 'diff' ? plan.after : plan.to;
}

import { CodedError } from '../../common/errors.ts';
import type { ServerId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { Membership, PeerMember } from './types.ts';

/** What every kind of membership is made of. */
export interface MembershipSource {
  readonly members: readonly PeerMember[];
  /** 0 for a static configuration. */
  readonly version: Zxid;
  /** The configuration as ZooKeeper writes it; empty for none. */
  readonly text: string;
}

/** True if this server votes in this configuration. */
export function isVoter(membership: Membership, id: ServerId): boolean {
  return membership.members.some((member) => member.id === id && member.role === 'participant');
}

/** The greatest weight that a server has in any of these. */
export function weightIn(memberships: readonly Membership[], id: ServerId): number {
  return Math.max(...memberships.map((membership) => membership.weightOf(id)));
}

/** The ids of the servers that vote. */
export function votersOf(membership: { readonly members: readonly PeerMember[] }): ServerId[] {
  return membership.members.filter((member) => member.role === 'participant').map((member) => member.id);
}

/** More than half of the voters are a quorum (QuorumMaj). */
export function majorityMembership(source: MembershipSource): Membership {
  const voters = new Set(votersOf(source));
  return {
    ...source,
    weightOf: (id) => (voters.has(id) ? 1 : 0),
    isQuorum(ids) {
      let present = 0;
      for (const id of ids) if (voters.has(id)) present++;
      return present * 2 > voters.size;
    },
  };
}

/** How voters are grouped (`group.N=1:2:3`) and weigh (`weight.N=2`; 1 where it is not said). */
export interface HierarchySource extends MembershipSource {
  readonly groups: readonly (readonly ServerId[])[];
  readonly weights: ReadonlyMap<ServerId, number>;
}

/**
 * A quorum has more than half of the weight in more than half of the groups; groups without weight do not count
 * (QuorumHierarchical).
 * @throws CodedError ZK_CONFIG_INVALID for a voter in no group or in two.
 */
export function hierarchicalMembership(source: HierarchySource): Membership {
  const { groups, weights, ...common } = source;
  const voters = new Set(votersOf(source));
  const weightOf = (id: ServerId): number => (voters.has(id) ? (weights.get(id) ?? 1) : 0);
  for (const voter of voters) checkGroups(voter, groups);
  const weighted = groups.map((members) => ({ members, weight: sum(members, weightOf) })).filter((g) => g.weight > 0);
  return {
    ...common,
    weightOf,
    isQuorum(ids) {
      const won = weighted.filter(({ members, weight }) => {
        return sum(members, (id) => (ids.has(id) ? weightOf(id) : 0)) * 2 > weight;
      });
      return won.length * 2 > weighted.length;
    },
  };
}

function checkGroups(voter: ServerId, groups: readonly (readonly ServerId[])[]): void {
  const count = groups.filter((members) => members.includes(voter)).length;
  if (count === 1) return;
  throw new CodedError(
    'ZK_CONFIG_INVALID',
    `server.${voter} votes and is in ${count} groups: list it in exactly one group.N line of zoo.cfg`,
  );
}

function sum(ids: readonly ServerId[], valueOf: (id: ServerId) => number): number {
  let total = 0;
  for (const id of ids) total += valueOf(id);
  return total;
}

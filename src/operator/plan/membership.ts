import type { BootstrapLatch, CoordinationCluster, MembershipStatus } from '../../api/coordination-cluster.ts';
import { memberSlots, type MemberSlot } from '../resources/names.ts';
import type { MemberReport } from './model.ts';

/** Who belongs to the ensemble, as far as it is known. */
export interface Membership extends MembershipStatus {
  /**
   * The leader says so, and nobody knows anything newer. Otherwise it is the last that was heard of, and nothing may be
   * taken away because of it: whoever does not answer may know better.
   */
  readonly certain: boolean;
}

/** The version of what zoo.cfg lists; an ensemble's first leader gives it another (ZOOKEEPER-1783). */
const INITIAL_VERSION = '0';

/**
 * The configuration in force.
 *
 * @param leader What the member says that leads a quorum, where one does.
 */
export function knownMembership(
  cluster: CoordinationCluster,
  latch: BootstrapLatch | undefined,
  reports: readonly MemberReport[],
  leader: MemberReport | undefined,
): Membership {
  const told = reports.flatMap(({ configuration }) =>
    configuration === undefined ? [] : [membershipIn(configuration)],
  );
  const recorded = latch === undefined ? undefined : cluster.status?.membership;
  const known = [...(recorded === undefined ? [] : [recorded]), ...told];
  const newest = known.toSorted((a, b) => versionNumber(b) - versionNumber(a))[0];
  const leaders = leader?.configuration === undefined ? undefined : membershipIn(leader.configuration);
  if (leaders !== undefined && newest !== undefined && versionNumber(leaders) >= versionNumber(newest)) {
    return { ...leaders, certain: true };
  }
  return { ...(newest ?? formedWith(cluster, latch)), certain: false };
}

/** As a number, to compare; versions are zxids. */
export function versionNumber({ version }: { readonly version: string }): number {
  return Number.parseInt(version, 16);
}

/** Whether the slot's member belongs to the ensemble, with a vote or without. */
export function belongs({ voters, observers }: MembershipStatus, { serverId }: MemberSlot): boolean {
  return voters.includes(serverId) || observers.includes(serverId);
}

function membershipIn({ version, servers }: NonNullable<MemberReport['configuration']>): MembershipStatus {
  const idsOf = (role: 'participant' | 'observer'): number[] =>
    servers.flatMap((server) => (server.role === role ? [server.id] : [])).sort((a, b) => a - b);
  return { version, voters: idsOf('participant'), observers: idsOf('observer') };
}

/** What zoo.cfg lists as long as nothing else has been agreed on. */
function formedWith(cluster: CoordinationCluster, latch: BootstrapLatch | undefined): MembershipStatus {
  const sizes = { participant: latch?.replicas ?? cluster.spec.replicas, observer: 0 };
  return {
    version: INITIAL_VERSION,
    voters: memberSlots(cluster, sizes).map(({ serverId }) => serverId),
    observers: [],
  };
}

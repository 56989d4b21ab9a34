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
  const known = [...recordedMembership(cluster, latch, reports, leader), ...told];
  const newest = known.toSorted((a, b) => versionNumber(b) - versionNumber(a))[0];
  const leaders = leader?.configuration === undefined ? undefined : membershipIn(leader.configuration);
  if (leaders !== undefined && newest !== undefined && versionNumber(leaders) >= versionNumber(newest)) {
    return { ...leaders, certain: true };
  }
  return { ...(newest ?? initialMembership(cluster, latch)), certain: false };
}

/** What the status has from an earlier leader: none where it cannot be understood, or where it is refuted. */
function recordedMembership(
  { status }: CoordinationCluster,
  latch: BootstrapLatch | undefined,
  reports: readonly MemberReport[],
  leader: MemberReport | undefined,
): MembershipStatus[] {
  const recorded = status?.membership;
  if (latch === undefined || recorded === undefined || Number.isNaN(versionNumber(recorded))) return [];
  return leader !== undefined && isRefuted(recorded, reports, leader) ? [] : [recorded];
}

/**
 * Whether a majority of its own voters serves under a leader by an older one. Who has agreed on a configuration has it on its
 * disk and goes by it as soon as it serves; so the disks are not those any more that it was agreed on with: somebody put back
 * volumes of an earlier time.
 */
function isRefuted(recorded: MembershipStatus, reports: readonly MemberReport[], leader: MemberReport): boolean {
  const isOlder = ({ configuration }: MemberReport): boolean =>
    configuration !== undefined && versionNumber(configuration) < versionNumber(recorded);
  const follows = ({ serverId, serving, epoch, leaderId }: MemberReport): boolean =>
    serving && epoch === leader.epoch && (serverId === leader.serverId || leaderId === leader.serverId);
  const witnesses = reports.filter((one) => recorded.voters.includes(one.serverId) && follows(one) && isOlder(one));
  return isOlder(leader) && witnesses.length > recorded.voters.length / 2;
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
export function initialMembership(cluster: CoordinationCluster, latch: BootstrapLatch | undefined): MembershipStatus {
  const sizes = { participant: latch?.replicas ?? cluster.spec.replicas, observer: 0 };
  return {
    version: INITIAL_VERSION,
    voters: memberSlots(cluster, sizes).map(({ serverId }) => serverId),
    observers: [],
  };
}

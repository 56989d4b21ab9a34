import type { ServerId } from '../../common/types.ts';
import { hierarchicalMembership, majorityMembership } from '../zab/membership.ts';
import type { Membership } from '../zab/types.ts';
import type { Ensemble } from './ensemble.ts';
import { formatServer } from './servers.ts';

/**
 * What ZAB needs to know of an ensemble.
 * @param alone The id of a standalone server, which is all of its ensemble.
 */
export function membershipOf(ensemble: Ensemble, alone: ServerId): Membership {
  const { servers, groups, weights, version } = ensemble;
  if (servers.length === 0) {
    return majorityMembership({ version: 0, members: [{ id: alone, role: 'participant' }], text: '' });
  }
  const source = { version, members: servers.map(({ id, role }) => ({ id, role })), text: ensembleText(ensemble) };
  return groups.length === 0 ? majorityMembership(source) : hierarchicalMembership({ ...source, groups, weights });
}

/** The configuration as ZooKeeper writes it into NEWLEADER, election messages and `/zookeeper/config`. */
function ensembleText({ servers, groups, weights, version }: Ensemble): string {
  const voters = servers.filter(({ role }) => role === 'participant');
  return [
    ...servers.map((server) => `server.${server.id}=${formatServer(server)}`),
    ...groups.map((group, index) => `group.${index + 1}=${group.join(':')}`),
    ...(groups.length === 0 ? [] : voters.map(({ id }) => `weight.${id}=${weights.get(id) ?? 1}`)),
    `version=${version.toString(16)}`,
  ].join('\n');
}

import type { ServerId } from '../../common/types.ts';
import type { Membership } from '../zab/types.ts';
import type { Ensemble } from './ensemble.ts';
import { formatServer } from './servers.ts';

/**
 * What ZAB needs to know of an ensemble.
 * @param alone The id of a standalone server, which is all of its ensemble.
 */
export function membershipOf(ensemble: Ensemble, alone: ServerId): Membership {
  if (ensemble.servers.length === 0) {
    return {
      version: 0,
      members: [{ id: alone, role: 'participant' }],
      isQuorum: (ids) => ids.has(alone),
      weightOf: (id) => (id === alone ? 1 : 0),
      text: '',
    };
  }
  const members = ensemble.servers.map(({ id, role }) => ({ id, role }));
  const voters = members.filter(({ role }) => role === 'participant').map(({ id }) => id);
  return {
    version: ensemble.version,
    members,
    isQuorum: ensemble.groups.length === 0 ? majority(voters) : majorityOfGroups(ensemble),
    weightOf: (id) => (voters.includes(id) ? (ensemble.weights.get(id) ?? 1) : 0),
    text: ensembleText(ensemble),
  };
}

type IsQuorum = Membership['isQuorum'];

function majority(voters: readonly ServerId[]): IsQuorum {
  return (ids) => voters.filter((id) => ids.has(id)).length > Math.floor(voters.length / 2);
}

/** More than half of the groups, each by more than half of its weight; groups without weight do not count (QuorumHierarchical). */
function majorityOfGroups({ groups, weights }: Ensemble): IsQuorum {
  const weightOf = (id: ServerId): number => weights.get(id) ?? 1;
  const weightOfAll = (ids: readonly ServerId[]): number => ids.reduce((sum, id) => sum + weightOf(id), 0);
  const counting = groups.filter((group) => weightOfAll(group) > 0);
  return (ids) => {
    const won = counting.filter((group) => weightOfAll(group.filter((id) => ids.has(id))) > weightOfAll(group) / 2);
    return won.length > counting.length / 2;
  };
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

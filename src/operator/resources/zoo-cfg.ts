import type { Ensemble } from './ensemble.ts';
import { memberSlots, PORTS, serverLine } from './names.ts';

/** Where the volume with log and snapshots is mounted. */
export const DATA_DIRECTORY = '/data';

/** Where zoo.cfg is mounted. */
export const CONFIG_DIRECTORY = '/etc/zabkeeper';

/** What an administrator would otherwise have to remember; `spec.config` has the last word. */
const DEFAULTS: Readonly<Record<string, string | number>> = {
  // Without a purge the volume fills up with old snapshots and logs.
  'autopurge.purgeInterval': 1,
  'autopurge.snapRetainCount': 3,
  '4lw.commands.whitelist': 'ruok, srvr, mntr',
};

/**
 * The ensemble's zoo.cfg, the same file for every member: a member finds its own id by its host name.
 *
 * Its list of servers is only what a member starts from that has no configuration of the ensemble's on its own disk: all
 * members that there are to be. Who votes is what the ensemble has agreed on since, and what the members keep themselves.
 */
export function zooCfg(ensemble: Ensemble): string {
  const servers = memberSlots(ensemble.cluster, ensemble.sizes).map(serverLine);
  return [...zooCfgKeys(ensemble), ...servers, ''].join('\n');
}

/**
 * The lines of zoo.cfg that a member must be restarted for to know them; the list of servers is none of these.
 *
 * `db.autocreate=false` keeps a member whose disk is empty from voting until it has synchronized, unless the bootstrap
 * told it to begin anew. `standaloneEnabled=false` makes a single voter a quorum of one, so that it can grow later.
 */
export function zooCfgKeys(ensemble: Ensemble): string[] {
  const { spec } = ensemble.cluster;
  const keys: Record<string, string | number> = {
    ...DEFAULTS,
    ...spec.config,
    tickTime: spec.tickTimeMs,
    initLimit: spec.initLimitTicks,
    syncLimit: spec.syncLimitTicks,
    dataDir: DATA_DIRECTORY,
    clientPort: PORTS.client,
    standaloneEnabled: 'false',
    reconfigEnabled: 'true',
    // A member's own address is in DNS only a moment after it has started.
    quorumListenOnAllIPs: 'true',
    'db.autocreate': 'false',
    // Only the digest: the password stays in the Secret.
    'DigestAuthenticationProvider.superDigest': ensemble.superDigest,
    'admin.serverPort': PORTS.admin,
    'metricsProvider.httpPort': PORTS.metrics,
  };
  return Object.keys(keys)
    .sort()
    .map((key) => `${key}=${keys[key]}`);
}

import type { Ensemble } from './ensemble.ts';
import { memberSlots, PORTS } from './names.ts';

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
 * `db.autocreate=false` keeps a member whose disk is empty from voting until it has synchronized, unless the bootstrap
 * told it to begin anew. `standaloneEnabled=false` makes a single voter a quorum of one, so that it can grow later.
 */
export function zooCfg(ensemble: Ensemble): string {
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
    // A member's own address is in DNS only a moment after it has started.
    quorumListenOnAllIPs: 'true',
    'db.autocreate': 'false',
    // Only the digest: the password stays in the Secret.
    'DigestAuthenticationProvider.superDigest': ensemble.superDigest,
    'admin.serverPort': PORTS.admin,
    'metricsProvider.httpPort': PORTS.metrics,
  };
  const lines = Object.keys(keys)
    .sort()
    .map((key) => `${key}=${keys[key]}`);
  const servers = memberSlots(ensemble.cluster, ensemble.voters).map(
    ({ serverId, host }) => `server.${serverId}=${host}:${PORTS.quorum}:${PORTS.election}:participant;${PORTS.client}`,
  );
  return [...lines, ...servers, ''].join('\n');
}

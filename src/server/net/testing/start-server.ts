import assert from 'node:assert/strict';
import type { ServerId } from '../../../common/types.ts';
import { ownServer, reconfigured } from '../../config/own-server.ts';
import { parseZooCfg } from '../../config/zoo-cfg.ts';
import { prepareDirectories } from '../data-directory.ts';
import { newerEnsemble } from '../dynamic-configuration.ts';
import { ZooServer } from '../server.ts';
import { SILENT } from './silent-logger.ts';

/** Starts this server of the zoo.cfg in this process, without metrics; a failure of it fails the test. */
export async function startServer(zooCfg: string, id: ServerId = 1): Promise<ZooServer> {
  const text = `${zooCfg}\nmetricsProvider.className=org.apache.zookeeper.metrics.impl.NullMetricsProvider\n`;
  const { config: configured } = parseZooCfg(text, 'zoo.cfg', () => '');
  prepareDirectories(configured);
  const ensemble = newerEnsemble(configured);
  const config = { ...configured, ensemble };
  return await ZooServer.start({
    config,
    own: reconfigured(ownServer(configured, id, 'zoo.cfg'), ensemble),
    logger: SILENT,
    failed: (error) => assert.fail(String(error)),
  });
}

import assert from 'node:assert/strict';
import { ownServer } from '../../config/own-server.ts';
import { parseZooCfg } from '../../config/zoo-cfg.ts';
import { ZooServer } from '../server.ts';
import { SILENT } from './silent-logger.ts';

/** Starts server 1 of the zoo.cfg in this process, without metrics; a failure of it fails the test. */
export async function startServer(zooCfg: string): Promise<ZooServer> {
  const text = `${zooCfg}\nmetricsProvider.className=org.apache.zookeeper.metrics.impl.NullMetricsProvider\n`;
  const { config } = parseZooCfg(text, 'zoo.cfg', () => '');
  return await ZooServer.start({
    config,
    own: ownServer(config, 1, 'zoo.cfg'),
    logger: SILENT,
    failed: (error) => assert.fail(String(error)),
  });
}

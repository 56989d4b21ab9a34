import { parseArguments } from './arguments.ts';
import { ZabkeeperOperator } from './controllers/zabkeeper-operator.ts';
import { crash, failpoints, FAILPOINTS_VARIABLE } from './failpoints.ts';
import { HttpEndpoints } from './kube/http-endpoints.ts';
import { Metrics } from './kube/metrics.ts';
import { jsonLogger } from './logger.ts';

/** How long a stop may take, in milliseconds, before the process ends all the same: the lease expires by itself. */
const STOP_TIMEOUT_MS = 20_000;

const options = parseArguments(process.argv.slice(2));
const logger = jsonLogger(options.logLevel);
const metrics = new Metrics();

try {
  const setting = process.env[FAILPOINTS_VARIABLE];
  const onWrite = failpoints(setting, crash);
  if (onWrite !== undefined) {
    logger.error('this operator kills itself on purpose, as only a test should want it', {
      [FAILPOINTS_VARIABLE]: setting,
    });
  }
  const operator = new ZabkeeperOperator({
    logger,
    metrics,
    context: options.context,
    watchNamespace: options.watchNamespace,
    ignoreNamespaces: options.ignoreNamespaces,
    leaseNamespace: options.namespace,
    identity: options.identity,
    settings: { defaultImage: options.serverImage },
    onWrite,
  });
  const endpoints = new HttpEndpoints({ registry: metrics.registry, notReady: () => operator.notSynced });
  const port = await endpoints.listen(options.httpPort);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      logger.info('stopping', { signal });
      setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
      operator.stop();
    });
  }
  logger.info('started', { identity: options.identity, namespace: options.namespace, port });
  await operator.run();
  await endpoints.close();
  logger.info('stopped');
} catch (error) {
  logger.error('the operator cannot go on', { error: error instanceof Error ? error.stack : String(error) });
  process.exitCode = 1;
}

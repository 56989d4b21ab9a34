import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Metrics } from '../kube/metrics.ts';
import { silentLogger } from '../kube/silent-logger.ts';
import { ZabkeeperOperator } from './zabkeeper-operator.ts';

const CLUSTERS = 30;

/** An API server that has these clusters and nothing else, and on which nothing ever changes. */
const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://api');
  response.writeHead(200, { 'Content-Type': 'application/json' });
  if (searchParams.has('watch')) {
    response.flushHeaders();
    return;
  }
  const names = pathname.endsWith('/coordinationclusters')
    ? Array.from({ length: CLUSTERS }, (_, n) => `zoo-${n}`)
    : [];
  const items = names.map((name) => ({
    metadata: { name, namespace: 'default', uid: name, resourceVersion: '1' },
    spec: {},
  }));
  response.end(
    JSON.stringify({ kind: 'CoordinationClusterList', metadata: { resourceVersion: '1', continue: '' }, items }),
  );
});

let directory = '';
const kubeconfigBefore = process.env['KUBECONFIG'];

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  directory = await mkdtemp(join(tmpdir(), 'zabkeeper-operator-'));
  process.env['KUBECONFIG'] = join(directory, 'config');
  const cluster = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'fake',
    contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'me' } }],
    clusters: [{ name: 'fake', cluster }],
    users: [{ name: 'me', user: {} }],
  };
  await writeFile(process.env['KUBECONFIG'], JSON.stringify(config));
});

after(async () => {
  if (kubeconfigBefore === undefined) delete process.env['KUBECONFIG'];
  else process.env['KUBECONFIG'] = kubeconfigBefore;
  await rm(directory, { recursive: true });
  server.close();
  server.closeAllConnections();
});

test('a replica that does not lead knows all clusters, and none waits in its queue, which nobody works through', async (context) => {
  const metrics = new Metrics();
  const operator = new ZabkeeperOperator({
    logger: silentLogger,
    metrics,
    leaseNamespace: 'default',
    identity: 'standby',
    settings: { defaultImage: 'zabkeeper:test' },
  });
  context.after(async () => {
    operator.stop();
    await operator.stopped();
  });
  await operator.start();
  // All that was listed is told to the operator before anything else is heard from outside.
  await setImmediate();
  const { registry } = metrics;
  const known = await registry.getSingleMetricAsString('zabkeeper_operator_cluster_phase');
  assert.equal(known.match(/phase="Pending"\} 1$/gm)?.length, CLUSTERS);
  const depths = await registry.getSingleMetricAsString('zabkeeper_operator_queue_depth');
  assert.match(depths, /kind="CoordinationCluster"\} 0$/m);
});

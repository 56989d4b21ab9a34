import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { waitFor } from '../../../e2e/support/wait-for.ts';
import { Metrics } from '../kube/metrics.ts';
import { silentLogger } from '../kube/silent-logger.ts';
import { ZabkeeperOperator } from './zabkeeper-operator.ts';

const CLUSTERS = 30;

const cluster = (name: string, resourceVersion: string, status?: object) => ({
  metadata: { name, namespace: 'default', uid: name, resourceVersion },
  spec: {},
  status,
});

/** An API server that has these clusters and nothing else; once they are watched, one of them changes. */
const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://api');
  const isOfClusters = pathname.endsWith('/coordinationclusters');
  response.writeHead(200, { 'Content-Type': 'application/json' });
  if (searchParams.has('watch')) {
    const change = { type: 'MODIFIED', object: cluster('zoo-0', '2', { phase: 'Ready' }) };
    if (isOfClusters) response.write(`${JSON.stringify(change)}\n`);
    else response.flushHeaders();
    return;
  }
  const items = Array.from({ length: isOfClusters ? CLUSTERS : 0 }, (_, n) => cluster(`zoo-${n}`, '1'));
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
  const api = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'fake',
    contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'me' } }],
    clusters: [{ name: 'fake', cluster: api }],
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
  const { registry } = metrics;
  const phases = async (): Promise<string> => registry.getSingleMetricAsString('zabkeeper_operator_cluster_phase');
  // By then it has been told of all that was listed before.
  await waitFor('a change is known', async () => /phase="Ready"\} 1$/m.test(await phases()));
  assert.equal((await phases()).match(/phase="Pending"\} 1$/gm)?.length, CLUSTERS - 1);
  const depths = await registry.getSingleMetricAsString('zabkeeper_operator_queue_depth');
  assert.match(depths, /kind="CoordinationCluster"\} 0$/m);
});

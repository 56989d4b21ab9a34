import { statfs } from 'node:fs/promises';
import type { Server } from 'node:http';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { ServerView } from '../server-view.ts';
import { MetricList, type Metric } from './metric.ts';
import { prometheusText } from './prometheus-text.ts';
import { ownMetrics, serverMetrics } from './server-metrics.ts';

// Not imported, see admin-server.ts.
const { createServer } = process.getBuiltinModule('node:http');

/** Serves `/metrics` in Prometheus' format: ZooKeeper's numbers by their own names, and those of the Node process. */
export function createMetricsServer(view: ServerView): Server {
  const registry = new Registry();
  // Every 10 ms, prom-client's default, would wake an idle server a hundred times a second.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end('try /metrics\n');
      return;
    }
    exposition(view, registry).then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(`${String(error)}\n`),
    );
  });
  server.headersTimeout = 5000;
  server.requestTimeout = 5000;
  return server;
}

async function exposition(view: ServerView, registry: Registry): Promise<string> {
  const [process, space] = await Promise.all([registry.metrics(), spaceMetrics(view)]);
  return prometheusText([...serverMetrics(view), ...ownMetrics(view), ...space]) + process;
}

/** How full the volumes are; not in `mntr`, which does not wait for a disk. */
async function spaceMetrics({ config }: ServerView): Promise<readonly Metric[]> {
  const list = new MetricList();
  const directories = { data_dir: config.dataDir, data_log_dir: config.dataLogDir };
  for (const [name, directory] of Object.entries(directories)) {
    if (name === 'data_log_dir' && directory === config.dataDir) continue;
    const { bsize, blocks, bavail } = await statfs(directory);
    list.gauge(`zabkeeper_${name}_volume_bytes`, blocks * bsize, `size of the volume of ${directory}`);
    list.gauge(
      `zabkeeper_${name}_free_bytes`,
      bavail * bsize,
      `what can still be written to the volume of ${directory}`,
    );
  }
  return list.metrics;
}

import type { Server } from 'node:http';
import { Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import { monitorValues } from './monitor-values.ts';
import type { ServerView } from './server-view.ts';

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
    for (const { name, value, help } of monitorValues(view)) {
      if (typeof value === 'number') gauge(registry, name, help).set(value);
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(`${String(error)}\n`),
    );
  });
  server.headersTimeout = 5000;
  server.requestTimeout = 5000;
  return server;
}

function gauge(registry: Registry, name: string, help: string): Gauge {
  const known = registry.getSingleMetric(name);
  return known instanceof Gauge ? known : new Gauge({ name, help, registers: [registry] });
}

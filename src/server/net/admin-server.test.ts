import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseZooCfg } from '../config/zoo-cfg.ts';
import { createAdminServer } from './admin-server.ts';
import { listen, portOf, stopListening } from './listen.ts';
import type { ServerView } from './server-view.ts';
import { SILENT } from './testing/silent-logger.ts';

test('a command that cannot be answered is answered with why, and the log says it too: the server goes on', async (t) => {
  const { config } = parseZooCfg('dataDir=/nowhere', 'zoo.cfg', () => '');
  const warnings: unknown[] = [];
  const view: Partial<ServerView> = {
    config,
    logger: { ...SILENT, warn: (_message, fields) => void warnings.push(fields) },
    status: () => ({ role: { state: 'leading', serving: true } }) as ReturnType<ServerView['status']>,
  };
  const server = createAdminServer(view as ServerView);
  await listen(server, { host: '127.0.0.1', port: 0 }, 'tests');
  t.after(() => stopListening(server));
  const get = (path: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${portOf(server)}${path}`, { headers: { connection: 'close' } });
  const response = await get('/commands/last_snapshot');
  assert.equal(response.status, 500);
  assert.match(((await response.json()) as { error: string }).error, /ENOENT/);
  assert.equal(warnings.length, 1);
  assert.equal((await get('/livez')).status, 200);
});

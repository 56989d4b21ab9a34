import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { FORMED_VARIABLE, STOP_DELAY_VARIABLE } from '../common/environment.ts';
import { CodedError } from '../common/errors.ts';
import type { ErrorCode } from '../common/errors.ts';
import type { Logger } from '../common/types.ts';
import { ownServer, reconfigured } from './config/own-server.ts';
import { parseStopDelayMs } from './config/stop-delay.ts';
import { parseZooCfg } from './config/zoo-cfg.ts';
import { allowInitialization, prepareDirectories, readServerId } from './net/data-directory.ts';
import { newerEnsemble } from './net/dynamic-configuration.ts';
import { describeFailure } from './net/driver.ts';
import { createLogger } from './net/logger.ts';
import { ZooServer } from './net/server.ts';
import { VERSION } from './version.ts';

const USAGE = `usage: server [--my-id-from-hostname] [--initialize] <zoo.cfg>

  --my-id-from-hostname  the server's id is the number at the end of the host name, plus 1 (as in a StatefulSet),
                         instead of what dataDir/myid says
  --initialize           with db.autocreate=false: this server may begin a new ensemble if it has no data, and never had any

What it is told by its environment:

  ${FORMED_VARIABLE}         true: the ensemble has been formed, so that --initialize means nothing
  ${STOP_DELAY_VARIABLE}  for how many milliseconds it goes on serving after SIGTERM, 0 where it is not set
`;

/** How the process ends when it cannot go on. */
const EXIT_CODES: Readonly<Partial<Record<ErrorCode, number>>> = {
  ZK_CONFIG_INVALID: 2,
  ZK_STORAGE_FAILED: 3,
  ZK_STORAGE_MISSING: 3,
  ZK_EPOCH_CORRUPT: 3,
  ZK_LOG_CORRUPT: 3,
  ZK_SNAPSHOT_CORRUPT: 3,
  ZK_DATA_IN_USE: 4,
  ZK_LISTEN_FAILED: 4,
};

/** One line on stderr, and the end. */
function fail(error: unknown): never {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exit(error instanceof CodedError ? (EXIT_CODES[error.code] ?? 1) : 1);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CodedError('ZK_CONFIG_INVALID', `cannot read ${file} (${String(error)}): give the path of a zoo.cfg`, {
      cause: error,
    });
  }
}

function parseArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        'my-id-from-hostname': { type: 'boolean', default: false },
        initialize: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const [file, ...more] = positionals;
    if (!values.help && file !== undefined && more.length === 0) return { ...values, file };
    process.stderr.write(USAGE);
    process.exit(values.help ? 0 : 2);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(2);
  }
}

async function main(): Promise<void> {
  const { file, initialize, ...flags } = parseArguments();
  const stopDelayMs = parseStopDelayMs(process.env[STOP_DELAY_VARIABLE]);
  const { config: configured, warnings } = parseZooCfg(readText(file), file, readText);
  prepareDirectories(configured);
  const ensemble = newerEnsemble(configured);
  const id = readServerId(configured.dataDir, flags['my-id-from-hostname']);
  // The list in zoo.cfg may be shorter by now than what this server once belonged to, and still belongs to.
  const isNamed = configured.ensemble.servers.some((server) => server.id === id);
  const isKept = !isNamed && ensemble.servers.some((server) => server.id === id);
  const named = ownServer(isKept ? { ...configured, ensemble } : configured, id, file);
  const config = { ...configured, ensemble };
  const own = reconfigured(named, ensemble);
  const logger = createLogger(process.env['LOG_LEVEL'] ?? 'info', own.id);
  for (const warning of warnings) logger.warn(warning);
  const isFormed = process.env[FORMED_VARIABLE] === 'true';
  const refused = initialize ? allowInitialization(config, isFormed) : undefined;
  if (refused !== undefined) logger.warn(refused);
  logger.info('starting', { version: VERSION, node: process.version, config: file, standalone: config.standalone });
  const podUid = process.env['POD_UID'];
  const server = await ZooServer.start({ config, own, logger, podUid, failed: fail });
  logger.info('listening', { clientPort: own.client.port, adminPort: config.admin.port });
  running = { server, logger, stopDelayMs };
}

let running: { readonly server: ZooServer; readonly logger: Logger; readonly stopDelayMs: number } | undefined;
let stopping = false;

/** Who is told to end while it starts ends at once: it has told nobody anything yet that is not durable. */
function stop(signal: NodeJS.Signals): void {
  if (running === undefined) process.exit(0);
  if (stopping) return;
  stopping = true;
  const { server, logger, stopDelayMs } = running;
  logger.info('stopping', { signal, stopDelayMs });
  const end = (): void => {
    server.stop().then(() => {
      logger.info('stopped');
      process.exit(0);
    }, fail);
  };
  setTimeout(end, stopDelayMs);
}

// From the very beginning: in a container this process is the first one, whom the kernel spares every signal that it does not handle.
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
main().catch(fail);

import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { ZNODE_MODES, ZooKeeper } from '../client/zookeeper.ts';
import type { Stat, ZnodeMode } from '../client/zookeeper.ts';
import { CodedError } from '../common/errors.ts';
import { formatZxid } from '../common/zxid.ts';
import { configurationVersion, identity, serverId, timeoutMs, znodeVersion } from './arguments.ts';
import { addBackupCommands } from './backup-commands.ts';
import { print } from './output.ts';

// zabctl: look at and change the znodes of an ensemble, back it up and restore it. Prints what was asked for on stdout, errors on stderr with exit code 1.

interface GlobalOptions {
  readonly server: string;
  readonly timeout: string;
  readonly auth?: string;
}

interface ReconfigOptions {
  readonly joining?: readonly string[];
  readonly leaving?: readonly string[];
  readonly members?: readonly string[];
  readonly version?: string;
}

const program = new Command('zabctl')
  .description('Look at and change the znodes of a ZooKeeper ensemble, back it up and restore it')
  .option('-s, --server <connect string>', 'host:port,host:port/chroot', '127.0.0.1:2181')
  .option('-t, --timeout <seconds>', 'how long to wait for a server', '10')
  .addOption(
    // What is on the command line can be seen by everybody on the machine.
    new Option('-a, --auth <scheme:proof>', 'an identity, for instance digest:user:password').env('ZABCTL_AUTH'),
  );

program
  .command('get <path>')
  .description('print the data of a znode')
  .action((path: string) => withClient(async (zk) => (await zk.get(path)).data ?? ''));

program
  .command('set <path> [data]')
  .description('set the data of a znode; - or nothing reads them from stdin')
  .option('-v, --version <number>', 'only if the znode has this version', '-1')
  .action((path: string, data: string | undefined, options: { version: string }) =>
    withClient(async (zk) => describe(await zk.set(path, input(data), znodeVersion(options.version)))),
  );

program
  .command('create <path> [data]')
  .description('create a znode, and print its path')
  .option('-m, --mode <mode>', ZNODE_MODES.join(', '), 'persistent')
  .action((path: string, data: string | undefined, options: { mode: string }) =>
    withClient(async (zk) => {
      const bytes = data === undefined ? null : input(data);
      return `${(await zk.create(path, bytes, { mode: modeOf(options.mode) })).path}\n`;
    }),
  );

program
  .command('delete <path>')
  .description('delete a znode without children')
  .option('-v, --version <number>', 'only if the znode has this version', '-1')
  .action((path: string, options: { version: string }) =>
    withClient(async (zk) => {
      await zk.delete(path, znodeVersion(options.version));
      return '';
    }),
  );

program
  .command('ls <path>')
  .description('list the children of a znode')
  .action((path: string) =>
    withClient(async (zk) =>
      (await zk.children(path)).children
        .toSorted()
        .map((child) => `${child}\n`)
        .join(''),
    ),
  );

program
  .command('stat <path>')
  .description('print what is known of a znode')
  .action((path: string) => withClient(async (zk) => describe((await zk.get(path)).stat)));

program
  .command('config')
  .description('print the configuration of the ensemble: its servers and its version')
  .action(() => withClient(async (zk) => `${await zk.configuration()}\n`));

program
  .command('reconfig')
  .description('change who belongs to the ensemble, and print the new configuration')
  .addHelpText(
    'after',
    '\nA line is server.4=host:2888:3888:participant;2181, or :observer. Needs --auth of a user who may write /zookeeper/config.',
  )
  .option('-j, --joining <line...>', 'servers that join, or change')
  .option('-l, --leaving <id...>', 'servers that leave')
  .option('-m, --members <line...>', 'all servers of the new configuration, instead of the two')
  .option('-v, --version <version>', 'only if the configuration has this version, as config prints it')
  .action((options: ReconfigOptions) =>
    withClient(async (zk) => {
      const leaving = options.leaving?.map(serverId) ?? [];
      const version = options.version === undefined ? {} : { version: configurationVersion(options.version) };
      return `${await zk.reconfig({ ...options, leaving, ...version })}\n`;
    }),
  );

addBackupCommands(program, () => {
  const { server, auth, timeout } = program.opts<GlobalOptions>();
  const isGiven = program.getOptionValueSource('server') !== 'default';
  if (auth !== undefined) identity(auth);
  return { server: isGiven ? server : undefined, auth, timeoutMs: timeoutMs(timeout) };
});

async function withClient(run: (zk: ZooKeeper) => Promise<string | Uint8Array>): Promise<void> {
  const { server, timeout, auth } = program.opts<GlobalOptions>();
  const who = auth === undefined ? undefined : identity(auth);
  const zk = new ZooKeeper(server, { requestTimeoutMs: timeoutMs(timeout) });
  try {
    if (who !== undefined) zk.addAuth(who.scheme, who.proof);
    await print(await run(zk));
  } finally {
    await zk.close();
  }
}

function input(data: string | undefined): Uint8Array {
  return data === undefined || data === '-' ? readFileSync(0) : Buffer.from(data);
}

function modeOf(text: string): ZnodeMode {
  const mode = ZNODE_MODES.find((name) => name === text);
  if (mode !== undefined) return mode;
  throw new CodedError('ZK_CLI_ARGUMENTS', `'${text}' is not a mode of a znode: give one of ${ZNODE_MODES.join(', ')}`);
}

function describe(stat: Stat): string {
  return [
    `czxid = ${formatZxid(stat.czxid)}`,
    `ctime = ${new Date(stat.ctimeMs).toISOString()}`,
    `mzxid = ${formatZxid(stat.mzxid)}`,
    `mtime = ${new Date(stat.mtimeMs).toISOString()}`,
    `pzxid = ${formatZxid(stat.pzxid)}`,
    `version = ${stat.version}`,
    `cversion = ${stat.cversion}`,
    `aclVersion = ${stat.aversion}`,
    `ephemeralOwner = 0x${BigInt.asUintN(64, stat.ephemeralOwner).toString(16)}`,
    `dataLength = ${stat.dataLength}`,
    `numChildren = ${stat.numChildren}`,
    '',
  ].join('\n');
}

function describeFailure(error: unknown): string {
  if (error instanceof CodedError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode ??= 1;
}

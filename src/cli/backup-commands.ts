import { writeFileSync } from 'node:fs';
import { Option, type Command } from 'commander';
import { FORMED_VARIABLE } from '../common/environment.ts';
import { checksum, waitMs } from './arguments.ts';
import { backUp } from './backup.ts';
import {
  backupFields,
  fileFields,
  inspectFields,
  render,
  restoreFields,
  type Fields,
  type OutputFormat,
} from './backup-report.ts';
import { untilInterrupted } from './interruption.ts';
import { placeOf } from './locations.ts';
import { print } from './output.ts';
import type { S3Options } from './place.ts';
import { restore } from './restore.ts';
import { inspect } from './snapshot-file.ts';

interface Output {
  readonly output: OutputFormat;
}

interface S3Arguments {
  readonly s3Endpoint?: string;
  readonly s3Region?: string;
  readonly s3PathStyle?: boolean;
}

interface InspectArguments extends Output, S3Arguments {
  readonly resultFile?: string;
}

interface BackupArguments extends InspectArguments {
  readonly resume?: boolean;
  readonly wait: string;
}

interface RestoreArguments extends Output, S3Arguments {
  readonly dataLogDir?: string;
  readonly ifEmpty?: boolean;
  readonly sha256?: string;
}

const ABOUT_LOCATIONS = `
A location is a file, or s3://bucket/key. For S3 the credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from
wherever Amazon's tools find them; certificates to trust from ZABCTL_S3_CA_BUNDLE, in PEM.`;

/** A member that began with the snapshot and has lost its disk since: the others know more than the snapshot does. */
const NOTHING_RESTORED = `nothing is restored: the ensemble has been formed (${FORMED_VARIABLE}=true), and what a member lost it gets from the others\n`;

/** The commands about snapshots that are kept. `globals` are the options that all of zabctl's commands share. */
export function addBackupCommands(
  program: Command,
  globals: () => { readonly server: string | undefined; readonly auth: string | undefined; readonly timeoutMs: number },
): void {
  const command = (name: string, description: string) => {
    const added = program.command(name).description(description).addHelpText('after', ABOUT_LOCATIONS);
    return added
      .addOption(outputOption())
      .option('--s3-endpoint <url>', "the S3 server, where it is not Amazon's")
      .option('--s3-region <name>', 'region of the bucket')
      .option('--s3-path-style', 'the bucket is part of the path, and not of the host name');
  };

  command('backup <location>', 'stream a snapshot from a member to a place where there is none, and verify it')
    .option('--resume', 'go on with what an earlier attempt stored there, and remove what one left that was killed')
    .option(
      '--wait <seconds>',
      'how long to wait until a member may give one, where each gave one a short time ago',
      '0',
    )
    .addOption(resultFileOption())
    .addHelpText(
      'after',
      '\n--server has the admin ports of members, by default 127.0.0.1:8080; a follower is asked before the leader.\nIt is packed if its name ends in .gz',
    )
    .action(async (location: string, options: BackupArguments) => {
      const { server: servers = '127.0.0.1:8080', auth, timeoutMs } = globals();
      const { resume = false, wait } = options;
      const patienceMs = waitMs(wait);
      await untilInterrupted(async (signal) => {
        const place = await placeOf(location, s3Options(options), signal);
        const taken = await backUp(place, {
          servers,
          auth,
          silenceMs: timeoutMs,
          resume,
          patienceMs,
          onWait: tellWait,
          signal,
        });
        const fields = backupFields(place.name, taken);
        await place.describe(fields);
        writeResult(options, fields);
        await print(render(fields, options.output));
      });
    });

  command('inspect <location>', 'verify a snapshot of this or of Apache ZooKeeper, and say what is in it')
    .addOption(resultFileOption())
    .action(async (location: string, options: InspectArguments) => {
      const place = await placeOf(location, s3Options(options));
      const inspected = await inspect(place.read(), place.name);
      writeResult(options, fileFields(place.name, inspected));
      await print(render(inspectFields(place.name, inspected), options.output));
    });

  command('remove-backup <location>', 'remove a snapshot that `backup` stored').action(
    async (location: string, options: Output & S3Arguments) => {
      const place = await placeOf(location, s3Options(options));
      await place.remove();
      await print(render({ removed: place.name }, options.output));
    },
  );

  command(
    'restore <location> <dataDir>',
    'make an empty data directory one that a new ensemble begins with; do it for every member, then start them',
  )
    .option('--data-log-dir <directory>', 'dataLogDir of zoo.cfg, which must be empty too')
    .option(
      '--if-empty',
      `do nothing, and succeed, where there are data already, or where ${FORMED_VARIABLE}=true in the environment says that there were`,
    )
    .option('--sha256 <digest>', 'only if the stored file has this checksum')
    .action(async (location: string, dataDir: string, options: RestoreArguments) => {
      const { dataLogDir, ifEmpty } = options;
      if (ifEmpty === true && process.env[FORMED_VARIABLE] === 'true') {
        process.stderr.write(NOTHING_RESTORED);
        return;
      }
      const sha256 = options.sha256 === undefined ? undefined : checksum(options.sha256);
      const restored = await untilInterrupted(async (signal) => {
        const place = await placeOf(location, s3Options(options), signal);
        return await restore(place, dataDir, { dataLogDir, onlyIfEmpty: ifEmpty, sha256, signal });
      });
      if (restored !== undefined) await print(render(restoreFields(dataDir, restored), options.output));
    });
}

function tellWait(waitMs: number, why: string): void {
  process.stderr.write(`waiting for ${Math.ceil(waitMs / 1000)} s: ${why}\n`);
}

function s3Options({ s3Endpoint, s3Region, s3PathStyle = false }: S3Arguments): S3Options {
  const caBundle = process.env['ZABCTL_S3_CA_BUNDLE'];
  return {
    endpoint: s3Endpoint,
    region: s3Region,
    pathStyle: s3PathStyle,
    caBundle: caBundle === '' ? undefined : caBundle,
  };
}

/** Where Kubernetes takes it from, which keeps only 4,096 bytes. */
function resultFileOption(): Option {
  return new Option('--result-file <file>', 'write what the stored file is there too, as JSON').hideHelp();
}

function writeResult({ resultFile }: InspectArguments, fields: Fields): void {
  if (resultFile !== undefined) writeFileSync(resultFile, render(fields, 'json'));
}

function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print the result').choices(['text', 'json']).default('text');
}

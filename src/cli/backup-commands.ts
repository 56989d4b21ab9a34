import { Option, type Command } from 'commander';
import { backUp } from './backup.ts';
import { backupFields, inspectFields, render, restoreFields, type OutputFormat } from './backup-report.ts';
import { restore } from './restore.ts';
import { inspectFile } from './snapshot-file.ts';

interface Output {
  readonly output: OutputFormat;
}

/** The commands about snapshot files. `globals` are the options that all of zabctl's commands share. */
export function addBackupCommands(
  program: Command,
  globals: () => { readonly server: string | undefined; readonly auth: string | undefined; readonly timeoutMs: number },
): void {
  program
    .command('backup <file>')
    .description('stream a snapshot from a member into a new file, and verify it; packed if the name ends in .gz')
    .addHelpText('after', '\n--server is the admin port of any member, by default 127.0.0.1:8080')
    .addOption(outputOption())
    .action(async (file: string, { output }: Output) => {
      const { server = '127.0.0.1:8080', auth, timeoutMs } = globals();
      const inspected = await backUp(file, { server, auth, silenceMs: timeoutMs });
      process.stdout.write(render(backupFields(file, inspected), output));
    });

  program
    .command('inspect <file>')
    .description('verify a snapshot file, plain or gzip, of this or of Apache ZooKeeper, and say what is in it')
    .addOption(outputOption())
    .action(async (file: string, { output }: Output) => {
      process.stdout.write(render(inspectFields(file, await inspectFile(file)), output));
    });

  program
    .command('restore <backup> <dataDir>')
    .description(
      'make an empty data directory one that a new ensemble begins with; do it for every member, then start them',
    )
    .option('--data-log-dir <directory>', 'dataLogDir of zoo.cfg, which must be empty too')
    .option('--if-empty', 'do nothing, and succeed, where there are data already')
    .addOption(outputOption())
    .action(async (backup: string, dataDir: string, options: Output & { dataLogDir?: string; ifEmpty?: boolean }) => {
      const { dataLogDir, ifEmpty } = options;
      const restored = await restore(backup, dataDir, { dataLogDir, onlyIfEmpty: ifEmpty });
      if (restored !== undefined) process.stdout.write(render(restoreFields(dataDir, restored), options.output));
    });
}

function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print the result').choices(['text', 'json']).default('text');
}

import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CodedError } from '../../common/errors.ts';
import { MUTATIONS } from './mutations.ts';
import type { Mutation, NamedTest } from './mutations.ts';

/**
 * `node src/simulation/mutants/main.ts [--lives N] [--only TEXT]`: sows one flaw at a time into a copy of the sources
 * and lives simulated lives there until one shows it, at most N for each; or runs the test that is named for it. A flaw that is not caught fails the run.
 */
const { values } = parseArgs({
  options: { lives: { type: 'string', default: '500' }, only: { type: 'string', default: '' } },
});
const sources = new URL('../../', import.meta.url).pathname;
const packages = new URL('../../../node_modules', import.meta.url).pathname;

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** What shows the flaw: the first seed, or the test that is named for it; undefined if nothing does. */
async function whatShows(mutation: Mutation): Promise<string | undefined> {
  const copy = await mkdtemp(join(tmpdir(), 'zabkeeper-mutant-'));
  try {
    await cp(sources, join(copy, 'src'), { recursive: true });
    await writeFile(join(copy, 'package.json'), '{"type": "module"}');
    await symlink(packages, join(copy, 'node_modules'));
    await sow(mutation, join(copy, 'src', mutation.file));
    if (mutation.shownBy !== undefined) return await failingTest(copy, mutation.shownBy);
    const lives = [
      join(copy, 'src/simulation/main.ts'),
      '--lives',
      values.lives,
      '--seconds',
      'Infinity',
      '--failures',
      '1',
    ];
    const seed = /make sim SEED=(\d+)/.exec(await run(lives))?.[1];
    return seed === undefined ? undefined : `seed ${seed.padStart(5)}`;
  } finally {
    await rm(copy, { recursive: true });
  }
}

async function failingTest(copy: string, { file, name }: NamedTest): Promise<string | undefined> {
  const pattern = `^${RegExp.escape(name)}$`;
  const output = await run([
    '--test',
    '--test-reporter=tap',
    `--test-name-pattern=${pattern}`,
    join(copy, 'src', file),
  ]);
  const verdict = output.split('\n').find((line) => line.endsWith(`ok 1 - ${name}`));
  if (verdict === undefined) {
    throw new CodedError('ZK_ASSERTION', `there is no test '${name}' in ${file}: bring mutations.ts up to date`);
  }
  return verdict.startsWith('not ok') ? 'by a test  ' : undefined;
}

async function sow(mutation: Mutation, file: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  const parts = text.split(mutation.from);
  if (parts.length !== 2) {
    const times = parts.length - 1;
    throw new CodedError(
      'ZK_ASSERTION',
      `'${mutation.name}' stands ${times} times in ${mutation.file} where once is due: bring mutations.ts up to date`,
    );
  }
  await writeFile(file, parts.join(mutation.to));
}

/** What node says with these arguments. */
function run(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.once('error', reject);
    child.once('close', () => resolve(output));
  });
}

let [caught, missed] = [0, 0];
for (const mutation of MUTATIONS) {
  if (!mutation.name.includes(values.only)) continue;
  const shown = await whatShows(mutation);
  if (shown === undefined) missed++;
  else caught++;
  print(`${shown ?? 'NOT CAUGHT'}   ${mutation.name}`);
}
print(`${caught} passed, ${missed} failed`);
process.exitCode = missed === 0 ? 0 : 1;

import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CodedError } from '../../common/errors.ts';
import { SCENARIOS } from '../scenarios.ts';
import type { Mutation, NamedTest } from './mutation.ts';
import { MUTATIONS } from './mutations.ts';

/**
 * `node src/simulation/mutants/main.ts [--lives N] [--only TEXT] [--scenario TEXT]`: sows one flaw at a time into a copy of the
 * sources. There the lives of its scenario are lived, from the first on, until one shows the flaw, N of them at most; or the
 * test runs that is named for it. A flaw that nothing shows fails the run. `--scenario` looks into other lives than those that
 * are named, even where a test is: to find out where a flaw shows best.
 */
const { values } = parseArgs({
  options: {
    // Most flaws show within ten lives, the shyest of them within fifty.
    lives: { type: 'string', default: '400' },
    only: { type: 'string', default: '' },
    scenario: { type: 'string' },
  },
});
const sources = new URL('../../', import.meta.url).pathname;
const packages = new URL('../../../node_modules', import.meta.url).pathname;

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function outOfDate(what: string): CodedError {
  return new CodedError('ZK_ASSERTION', `${what}: bring src/simulation/mutants up to date`);
}

/** What shows the flaw: the first seed, or the test that is named for it; undefined if nothing does. */
async function whatShows(mutation: Mutation, copy: string): Promise<string | undefined> {
  try {
    for (const { file, from, to } of mutation.edits) await sow(mutation.name, join(copy, 'src', file), from, to);
    const { shownBy } = mutation;
    const scenario = values.scenario ?? shownBy;
    if (typeof scenario === 'string') return await failingLife(copy, scenario);
    return await failingTest(copy, scenario);
  } finally {
    for (const { file } of mutation.edits) await cp(join(sources, file), join(copy, 'src', file));
  }
}

async function failingLife(copy: string, scenario: string): Promise<string | undefined> {
  if (!SCENARIOS.some(({ name }) => name.includes(scenario))) throw outOfDate(`there is no scenario '${scenario}'`);
  const main = join(copy, 'src/simulation/main.ts');
  const how = ['--scenario', scenario, '--lives', values.lives, '--failures', '1', '--threads', '1'];
  const output = await run(copy, [main, ...how]);
  const seed = /make sim SEED=(\d+)/.exec(output)?.[1];
  if (seed !== undefined) return `seed ${seed}`;
  if (!output.includes(`${values.lives} passed, 0 failed`)) throw outOfDate('the lives ended without a verdict');
  return undefined;
}

async function failingTest(copy: string, { file, name }: NamedTest): Promise<string | undefined> {
  const pattern = `^${RegExp.escape(name)}$`;
  const how = ['--test', '--test-reporter=tap', `--test-name-pattern=${pattern}`];
  const output = await run(copy, [...how, join(copy, 'src', file)]);
  const verdict = output.split('\n').find((line) => line.endsWith(`ok 1 - ${name}`));
  if (verdict === undefined) throw outOfDate(`there is no test '${name}' in ${file}`);
  return verdict.startsWith('not ok') ? 'a test' : undefined;
}

async function sow(name: string, file: string, from: string, to: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  const parts = text.split(from);
  if (parts.length !== 2) {
    throw outOfDate(`what '${name}' changes stands ${parts.length - 1} times in ${file.split('/src/')[1]}, not once`);
  }
  await writeFile(file, parts.join(to));
}

/** What node says with these arguments. What it made of the sources that no flaw changes is kept for the next one. */
function run(copy: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NODE_COMPILE_CACHE: join(copy, 'cache') };
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.once('error', reject);
    child.once('close', () => resolve(output));
  });
}

const mutations = MUTATIONS.filter(({ name }) => name.includes(values.only));
let [next, byLives, byTests, missed] = [0, 0, 0, 0];

/** Tries one flaw after the other in a copy of the sources, as long as there are any. */
async function tryFlaws(): Promise<void> {
  const copy = await mkdtemp(join(tmpdir(), 'zabkeeper-mutant-'));
  try {
    await cp(sources, join(copy, 'src'), { recursive: true });
    await writeFile(join(copy, 'package.json'), '{"type": "module"}');
    await symlink(packages, join(copy, 'node_modules'));
    for (let mutation = mutations[next++]; mutation !== undefined; mutation = mutations[next++]) {
      const startMs = performance.now();
      const shown = await whatShows(mutation, copy);
      if (shown === undefined) missed++;
      else if (shown === 'a test') byTests++;
      else byLives++;
      const seconds = Math.round((performance.now() - startMs) / 1000);
      print(`${(shown ?? 'NOT CAUGHT').padEnd(10)} ${String(seconds).padStart(4)} s   ${mutation.name}`);
    }
  } finally {
    await rm(copy, { recursive: true });
  }
}

await Promise.all(Array.from({ length: availableParallelism() }, tryFlaws));
if (missed > 0) {
  print(
    'A flaw that is not caught any more needs a sharper scenario (src/simulation/scenarios.ts), a checker, or a test of its own.',
  );
  print('Look for more lives with: make mutants ONLY=text LIVES=2000, or in all of them: SCENARIO=everything');
}
print(`mutants: ${byLives} caught by lives, ${byTests} by tests, ${missed} by nothing`);
print(`${byLives + byTests} passed, ${missed} failed`);
const tap = process.env['TAP'];
if (tap !== undefined && tap !== '') writeFileSync(tap, `# pass ${byLives + byTests}\n# fail ${missed}\n`);
process.exitCode = missed === 0 ? 0 : 1;

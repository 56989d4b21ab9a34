import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

/** The root of the project. */
export const PROJECT = join(import.meta.dirname, '../..');

/**
 * Writes generated files; with `--check` on the command line writes nothing, says which are not up to date, and fails.
 *
 * @param files content by path below the project
 * @param owned folders in which nothing else may be
 */
export function writeOrCheck(files: ReadonlyMap<string, string>, owned: readonly string[] = []): void {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  if (!values.check) {
    for (const [path, content] of files) {
      mkdirSync(join(PROJECT, dirname(path)), { recursive: true });
      writeFileSync(join(PROJECT, path), content);
    }
    return;
  }
  const present = owned.flatMap((folder) => namesIn(folder).map((name) => `${folder}/${name}`));
  const stale = present.filter((path) => !files.has(path)).map((path) => `${path} is no longer generated`);
  const changed = [...files]
    .filter(([path, content]) => !namesIn(dirname(path)).includes(basename(path)) || read(path) !== content)
    .map(([path]) => `${path} is not what it is generated from`);
  if (stale.length + changed.length === 0) return;
  process.stderr.write(`${[...stale, ...changed].join('\n')}\nrun \`make generate\` and commit the result\n`);
  process.exitCode = 1;
}

/** The text of a file of the project. */
export function read(path: string): string {
  return readFileSync(join(PROJECT, path), 'utf8');
}

/** The names of what a folder of the project holds; none where there is no such folder. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(join(PROJECT, folder)).toSorted();
  } catch {
    return [];
  }
}

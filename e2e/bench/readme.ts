import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

/** Puts text into the README of this folder, between the marks of that name. @throws Error where they are missing. */
export async function writeIntoReadme(section: 'results' | 'timings', text: string): Promise<void> {
  const file = join(import.meta.dirname, 'README.md');
  const readme = await readFile(file, 'utf8');
  const parts = new RegExp(`^([^]*<!-- ${section}: begin[^>]*-->)[^]*(<!-- ${section}: end -->[^]*)$`).exec(readme);
  if (parts === null) throw new Error(`${file} has lost the marks between which the ${section} stand`);
  const [, head = '', tail = ''] = parts;
  const written = `${head}\n\n${text}\n\n${tail}`;
  await writeFile(file, await format(written, { ...(await resolveConfig(file)), filepath: file }));
}

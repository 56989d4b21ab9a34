import { open } from 'node:fs/promises';

/** Makes a file's content, or a directory's names, durable. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

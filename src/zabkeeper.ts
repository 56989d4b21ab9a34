// The image's entry point: `zabkeeper server ...` and `zabkeeper operator ...` are the programs of src/server and src/operator.

const programs: Readonly<Record<string, () => Promise<unknown>>> = {
  server: () => import('./server/main.ts'),
  operator: () => import('./operator/main.ts'),
};

const name = process.argv[2] ?? '';
const start = Object.hasOwn(programs, name) ? programs[name] : undefined;
if (start === undefined) {
  process.stderr.write(`usage: zabkeeper <${Object.keys(programs).join('|')}> [arguments]\n`);
  process.exitCode = 2;
} else {
  // The program reads its arguments as if it had been started itself.
  process.argv.splice(2, 1);
  await start();
}

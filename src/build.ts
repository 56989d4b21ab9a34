import { chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';

// Bundles each program into one file of dist/, which is all that the image adds to a Node. The tree of dist/ is that of the
// image's /app: <program>.mjs, and bin/<program> for those that a person starts.

const programs = {
  zabkeeper: 'zabkeeper.ts',
  server: 'server/main.ts',
  operator: 'operator/main.ts',
  zabctl: 'cli/main.ts',
  // A thread of the server, which starts it from the file beside its own.
  'log-worker': 'server/storage/log-worker.ts',
};
const startedByHand = ['zabkeeper', 'zabctl'];
const dist = join(import.meta.dirname, '../dist');

/** Lets the entry point load its programs from their own bundles instead of holding a copy of each. */
const programsStayApart: Plugin = {
  name: 'programs-stay-apart',
  setup(bundling) {
    bundling.onResolve({ filter: /^\.\/\w+\/main\.ts$/ }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path: path.replace('/main.ts', '.mjs'), external: true } : undefined,
    );
  },
};

// The image has Node there, and neither a shell nor /usr/bin/env.
const shebang = '#!/usr/local/bin/node\n';
// Packages that are CommonJS inside call require() for Node's modules, which an ES module does not have.
const requireForCommonJs =
  "import { createRequire as createRequireOfNode } from 'node:module'; const require = createRequireOfNode(import.meta.url);";

rmSync(dist, { recursive: true, force: true });
await build({
  absWorkingDir: import.meta.dirname,
  entryPoints: programs,
  outdir: dist,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node26',
  // Halves the image's share of the operator; names stay, for the stack traces, and lines stay short enough for their numbers.
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 160,
  legalComments: 'none',
  logLevel: 'warning',
  banner: { js: shebang + requireForCommonJs },
  plugins: [programsStayApart],
});
mkdirSync(join(dist, 'bin'));
for (const program of startedByHand) {
  chmodSync(join(dist, `${program}.mjs`), 0o755);
  symlinkSync(`../${program}.mjs`, join(dist, 'bin', program));
}

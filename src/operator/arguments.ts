import { hostname } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';

/** What the operator was asked to do. */
export interface OperatorArguments {
  readonly namespace: string;
  readonly watchNamespace?: string;
  readonly ignoreNamespaces?: readonly string[];
  readonly identity: string;
  readonly serverImage: string;
  readonly httpPort: number;
  readonly logLevel: string;
  readonly context?: string;
}

/** Reads the arguments, and the environment that Kubernetes gives the pod. Prints help or what is wrong, and exits. */
export function parseArguments(argv: readonly string[]): OperatorArguments {
  return new Command('zabkeeper operator')
    .description('Runs ensembles as CoordinationCluster resources declare them.')
    .addOption(
      new Option('--namespace <name>', "the operator's own namespace, where its Lease is")
        .env('POD_NAMESPACE')
        .default('zabkeeper-system'),
    )
    .addOption(
      new Option('--watch-namespace <name>', 'look at this namespace only, instead of all').env('WATCH_NAMESPACE'),
    )
    .addOption(
      new Option('--ignore-namespaces <names>', 'leave these namespaces to others: names, with commas between them')
        .env('IGNORE_NAMESPACES')
        .argParser((text) => text.split(',').filter((name) => name !== '')),
    )
    .addOption(
      new Option('--identity <name>', 'the name of this replica in the Lease')
        .env('POD_NAME')
        .default(`${hostname()}-${process.pid}`, 'host name and process id'),
    )
    .addOption(
      new Option('--server-image <image>', 'image of the servers where a manifest names none')
        .env('SERVER_IMAGE')
        .default('zabkeeper:dev'),
    )
    .addOption(
      new Option('--http-port <port>', 'port of /livez, /readyz and /metrics; 0 takes a free one')
        .argParser(parsePort)
        .default(8080),
    )
    .addOption(
      new Option('--log-level <level>', 'what to log').choices(['debug', 'info', 'warn', 'error']).default('info'),
    )
    .addOption(new Option('--context <name>', 'a context of the kubeconfig, outside of a cluster'))
    .parse(argv, { from: 'user' })
    .opts<OperatorArguments>();
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new InvalidArgumentError('a port is a whole number from 0 to 65535.');
}

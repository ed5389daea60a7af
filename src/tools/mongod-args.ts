// The command line of a temporary mongod: small, fast to start, reachable only from this machine. Pure.

export interface ThrowawayTls {
  /** PEM with certificate and key of the server. */
  readonly certificateKeyFile: string;
  /** PEM of the authority that clients trust. */
  readonly caFile: string;
}

export interface ThrowawayShape {
  readonly topology: "standalone" | "replicaSet";
  readonly auth?: { readonly user: string; readonly password: string };
  readonly tls?: ThrowawayTls;
  /** Default 0.25, mongod's minimum. */
  readonly cacheGigabytes?: number;
  /** Replica set only, default 256. */
  readonly oplogMegabytes?: number;
  readonly setParameters?: Readonly<Record<string, string | number | boolean>>;
  /** Allows `configureFailPoint`. */
  readonly testCommands?: boolean;
}

export interface ThrowawayPaths {
  readonly dbPath: string;
  readonly logPath: string;
  readonly keyFile: string;
}

export const REPLICA_SET = "mongokeep";

/** argv (without the program) for a port and folder. */
export function formatMongodArgs(
  shape: ThrowawayShape,
  paths: ThrowawayPaths,
  port: number,
): string[] {
  return [
    ...["--port", String(port), "--bind_ip", "127.0.0.1", "--nounixsocket"],
    ...["--dbpath", paths.dbPath, "--logpath", paths.logPath],
    ...["--wiredTigerCacheSizeGB", String(shape.cacheGigabytes ?? 0.25)],
    ...(shape.topology === "replicaSet"
      ? ["--replSet", REPLICA_SET, "--oplogSize", String(shape.oplogMegabytes ?? 256)]
      : []),
    ...formatAuth(shape, paths),
    ...formatTls(shape.tls),
    ...formatParameters(shape),
  ];
}

function formatAuth(shape: ThrowawayShape, paths: ThrowawayPaths): string[] {
  if (!shape.auth) return [];
  // A replica set with authentication needs a key file, which implies --auth.
  return shape.topology === "replicaSet" ? ["--keyFile", paths.keyFile] : ["--auth"];
}

function formatTls(tls: ThrowawayTls | undefined): string[] {
  if (!tls) return [];
  return [
    ...["--tlsMode", "requireTLS", "--tlsAllowConnectionsWithoutCertificates"],
    ...["--tlsCertificateKeyFile", tls.certificateKeyFile, "--tlsCAFile", tls.caFile],
  ];
}

function formatParameters(shape: ThrowawayShape): string[] {
  const all = {
    diagnosticDataCollectionEnabled: false,
    ...(shape.testCommands === true ? { enableTestCommands: 1 } : {}),
    ...shape.setParameters,
  };
  return Object.entries(all).flatMap(([name, value]) => [
    "--setParameter",
    `${name}=${String(value)}`,
  ]);
}

/** The URI for MONGODB_URI. */
export function formatThrowawayUri(shape: ThrowawayShape, port: number): string {
  const { auth, tls } = shape;
  const login = auth
    ? `${encodeURIComponent(auth.user)}:${encodeURIComponent(auth.password)}@`
    : "";
  const options = [
    shape.topology === "replicaSet" ? `replicaSet=${REPLICA_SET}` : "directConnection=true",
    ...(auth ? ["authSource=admin"] : []),
    ...(tls ? ["tls=true", `tlsCAFile=${encodeURIComponent(tls.caFile)}`] : []),
  ];
  return `mongodb://${login}127.0.0.1:${port}/?${options.join("&")}`;
}

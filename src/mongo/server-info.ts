// Facts about a server, free of credentials. Types only.

export type Topology = "standalone" | "replicaSet" | "sharded";

/** Cluster time as in MongoDB's Timestamp: seconds since 1970 and ordinal. */
export interface ClusterTime {
  readonly t: number;
  readonly i: number;
}

export interface ServerInfo {
  readonly version: string;
  readonly topology: Topology;
  readonly setName: string | null;
  readonly featureCompatibilityVersion: string | null;
}

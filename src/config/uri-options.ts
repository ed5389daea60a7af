// The options of an application's URI that concern mongokeep. An application sets many for its own work: how answers
// are decoded, how long its queries may take, how its writes are acknowledged. mongokeep decides these for itself:
// with the application's, an answer could come back in another form, and a write that failed could look done.

/** Where the server is, who logs in, and how the connection is secured: never passed over, or the driver says why. */
const OF_THE_CONNECTION =
  /^(auth|tls|ssl|srv|proxy|gssapi)|^(connect|connectTimeoutMS|directConnection|loadBalanced|replicaSet|serverSelectionTimeoutMS|serverMonitoringMode|heartbeatFrequencyMS|minHeartbeatFrequencyMS|localThresholdMS|family|autoSelectFamily|autoSelectFamilyAttemptTimeout|localAddress|rejectUnauthorized|allowPartialTrustChain|ciphers|ecdhCurve|minDHSize|secureProtocol)$/i;

/** Which members the stock tools read; mongokeep's own reads follow BACKUP_READ_PREFERENCE. */
const OF_READING = /^(readPreference|readPreferenceTags|maxStalenessSeconds)$/i;

/** Options of applications, in any of the drivers. Others are named in a warning: a slip of the pen, perhaps. */
const OF_APPLICATIONS: ReadonlySet<string> = new Set(
  `appName autoEncryption autoReconnect bsonRegExp bufferCommands checkKeys compressors connectionType dbName
   driverInfo enableOverloadRetargeting enableUtf8Validation fieldsAsRaw forceServerObjectId fsync ignoreUndefined
   j journal keepAlive keepAliveInitialDelay maxAdaptiveRetries maxConnecting maxConnectionIdleTime
   maxConnectionLifeTime maxIdleTimeMS maxLifeTimeMS maxPoolSize maxTimeMS minInternalBufferSize minPoolSize
   minSize maxSize mongodbLogComponentSeverities mongodbLogMaxDocumentLength mongodbLogPath monitorCommands name
   noDelay pkFactory poolSize promoteBuffers promoteLongs promoteValues raw readConcern readConcernLevel
   retryReads retryWrites runtimeAdapters safe serializeFunctions serverApi serverSelectionTryOnce slaveOk
   socketTimeoutMS timeoutMS tz_aware tzAware unicode_decode_error_handler useBigInt64 useNewUrlParser
   useUnifiedTopology uuidRepresentation validateOptions w waitQueueMultiple waitQueueSize waitQueueTimeoutMS
   writeConcern wTimeout wtimeoutMS zlibCompressionLevel`
    .split(/\s+/)
    .map((name) => name.toLowerCase()),
);

export interface KeptUri {
  readonly uri: string;
  /** Names of options that were left out though no driver is known to have them. */
  readonly unknown: readonly string[];
}

const WITH_OPTIONS = /^(mongodb(?:\+srv)?:\/\/(?:[^@/?]*@)?[^/?@]+(?:\/[^?]*)?)\?(.*)$/s;

/** The URI as mongokeep uses it. One that cannot be read is given back as it is: its reader says what is wrong. */
export function withoutApplicationOptions(uri: string): KeptUri {
  const [, place, query] = WITH_OPTIONS.exec(uri) ?? [];
  if (place === undefined || query === undefined) return { uri, unknown: [] };
  const kept: string[] = [];
  const unknown: string[] = [];
  for (const option of query.split("&")) {
    const name = nameOf(option);
    if (OF_THE_CONNECTION.test(name) || OF_READING.test(name)) kept.push(option);
    else if (name !== "" && !OF_APPLICATIONS.has(name.toLowerCase())) unknown.push(name);
  }
  if (kept.join("&") === query) return { uri, unknown };
  return { uri: kept.length === 0 ? place : `${place}?${kept.join("&")}`, unknown };
}

function nameOf(option: string): string {
  const name = option.split("=", 1)[0] ?? "";
  try {
    return decodeURIComponent(name);
  } catch (error) {
    if (error instanceof URIError) return name;
    throw error;
  }
}

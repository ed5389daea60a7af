// The options of an application's URI that matter to mongokeep. An application sets many for its own work: decoding of
// replies, query time limits, write acknowledgement. mongokeep decides these itself: with the application's options a
// reply could have another form, and a failed write could look successful.

/** Address, login and security of the connection: never ignored; the driver reports errors in them. */
const OF_THE_CONNECTION =
  /^(auth|tls|ssl|srv|proxy|gssapi)|^(connect|connectTimeoutMS|directConnection|loadBalanced|replicaSet|serverSelectionTimeoutMS|serverMonitoringMode|heartbeatFrequencyMS|minHeartbeatFrequencyMS|localThresholdMS|family|autoSelectFamily|autoSelectFamilyAttemptTimeout|localAddress|rejectUnauthorized|allowPartialTrustChain|ciphers|ecdhCurve|minDHSize|secureProtocol)$/i;

/** The members that the stock tools read; mongokeep's own reads follow BACKUP_READ_PREFERENCE. */
const OF_READING = /^(readPreference|readPreferenceTags|maxStalenessSeconds)$/i;

/** Options of applications in any of the drivers. Other names give a warning, because they may be misspelt. */
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
  /** Names of ignored options that no driver is known to have. */
  readonly unknown: readonly string[];
}

const WITH_OPTIONS = /^(mongodb(?:\+srv)?:\/\/(?:[^@/?]*@)?[^/?@]+(?:\/[^?]*)?)\?(.*)$/s;

/** The URI as mongokeep uses it. A malformed one is returned unchanged: its parser reports the error. */
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

// The engines by name: the values of BACKUP_ENGINE and --engine.
export const ENGINES = ["native", "mongodump", "ejson"] as const;
export type EngineSetting = (typeof ENGINES)[number];

// The engines by their names: BACKUP_ENGINE and --engine take these.
export const ENGINES = ["native", "mongodump", "ejson"] as const;
export type EngineSetting = (typeof ENGINES)[number];

// The driver's words for which member is read, as MongoDB's manual has them.
export const READ_PREFERENCES = [
  "primary",
  "primaryPreferred",
  "secondary",
  "secondaryPreferred",
  "nearest",
] as const;
export type ReadPreferenceSetting = (typeof READ_PREFERENCES)[number];

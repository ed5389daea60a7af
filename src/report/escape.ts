// Names and notes come from data: what report says of them goes through this.
export { escapeText } from "../util/visible-text.ts";

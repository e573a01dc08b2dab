/** Models from a hub: found by name, loaded once, checked and kept. */
export { parseHubId, type HubId } from './id.ts'
export { openHub } from './open-hub.ts'
export type { DownloadProgress, HubOptions } from './settings.ts'

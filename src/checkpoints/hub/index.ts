/** Models from a hub: found by name, loaded once, checked and kept. */
export { parseHubId } from './id.ts'
export { openHub } from './open-hub.ts'
export type { HubOptions } from './settings.ts'

/** What saves and restores sessions, loaded when it is first called: most pages never need it. */
import type * as persistence from './persistence.ts'

export type { Subject } from './persistence.ts'

type Persistence = typeof persistence

const load = (): Promise<Persistence> => import('./persistence.ts')

export const findPrefix: Persistence['findPrefix'] = async (...values) => (await load()).findPrefix(...values)
export const keepPrefix: Persistence['keepPrefix'] = async (...values) => (await load()).keepPrefix(...values)
export const openSaved: Persistence['openSaved'] = async (...values) => (await load()).openSaved(...values)
export const saveSequence: Persistence['saveSequence'] = async (...values) =>
  (await load()).saveSequence(...values)

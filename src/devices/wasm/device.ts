import type { AnyDevice } from '../device.ts'
export async function openWasm(_: { threads?: number }): Promise<AnyDevice> { throw new Error('lands next') }

import type { AnyDevice } from '../device.ts'
export async function openWebGpu(_: { software?: boolean }): Promise<AnyDevice> { throw new Error('lands next') }
